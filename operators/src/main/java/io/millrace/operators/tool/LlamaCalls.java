package io.millrace.operators.tool;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Calls as objects, {@code {"name":"f","parameters":{}}}, with semicolons or white space between
 * them, behind {@code <|python_tag|>}; or the answer is nothing else.
 */
final class LlamaCalls implements CallFormat {
    private static final String TAG = "<|python_tag|>";

    @Override
    public Set<String> marks() {
        return Set.of(TAG);
    }

    @Override
    public Parts parse(String text) throws CallException {
        int tag = text.indexOf(TAG);
        if (tag >= 0) {
            return new Parts(text.substring(0, tag), calls(text, tag + TAG.length()));
        }
        if (!text.stripLeading().startsWith("{")) {
            return new Parts(text, List.of());
        }
        try {
            return new Parts("", calls(text, 0));
        } catch (CallException e) {
            // Other JSON is an answer like any other.
            if (text.contains("\"name\"")
                    && (text.contains("\"parameters\"") || text.contains("\"arguments\""))) {
                throw e;
            }
            return new Parts(text, List.of());
        }
    }

    private static List<RawCall> calls(String text, int from) throws CallException {
        List<RawCall> calls = new ArrayList<>();
        CallScanner in = new CallScanner(text, from);
        in.skipSpace();
        do {
            calls.add(in.call());
            in.skipSpace();
            in.take(";");
            in.skipSpace();
        } while (!in.atEnd());
        return calls;
    }

    @Override
    public String opening() {
        return "";
    }

    @Override
    public RawCall forced(String text) throws CallException {
        return new CallScanner(text, 0).call();
    }

    @Override
    public String argumentsName() {
        return "parameters";
    }
}
