package io.millrace.operators.tool;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Calls in tags, one object each: {@code <tool_call>{"name":"f","arguments":{}}</tool_call>}. */
final class HermesCalls implements CallFormat {
    private static final String OPEN = "<tool_call>";
    private static final String CLOSE = "</tool_call>";

    @Override
    public Set<String> marks() {
        return Set.of(OPEN, CLOSE);
    }

    @Override
    public Parts parse(String text) throws CallException {
        StringBuilder rest = new StringBuilder();
        List<RawCall> calls = new ArrayList<>();
        int from = 0;
        for (int at = text.indexOf(OPEN); at >= 0; at = text.indexOf(OPEN, from)) {
            rest.append(text, from, at);
            CallScanner in = new CallScanner(text, at + OPEN.length());
            in.skipSpace();
            calls.add(in.call());
            in.skipSpace();
            // The end of the answer may stand for the last closing tag.
            CallScanner.require(
                    in.take(CLOSE) || in.atEnd(), "has more than an object in its tags");
            from = in.position();
        }
        return new Parts(rest.append(text, from, text.length()).toString(), calls);
    }

    @Override
    public String opening() {
        return OPEN + "\n";
    }

    @Override
    public RawCall forced(String text) throws CallException {
        return new CallScanner(text, 0).call();
    }
}
