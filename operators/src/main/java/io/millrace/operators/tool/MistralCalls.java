package io.millrace.operators.tool;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Calls behind {@code [TOOL_CALLS]}: an array of objects, {@code [{"name":"f","arguments":{}}]}, or
 * for each call the name and an object, {@code f[ARGS]{}}, which later models write.
 */
final class MistralCalls implements CallFormat {
    private static final String MARK = "[TOOL_CALLS]";
    private static final String ARGS = "[ARGS]";
    private static final String CALL_ID = "[CALL_ID]";

    /** Templates refuse ids of another length. */
    private static final int ID_LENGTH = 9;

    @Override
    public Set<String> marks() {
        return Set.of(MARK, ARGS, CALL_ID);
    }

    @Override
    public Parts parse(String text) throws CallException {
        int mark = text.indexOf(MARK);
        if (mark < 0) {
            return new Parts(text, List.of());
        }
        List<RawCall> calls = new ArrayList<>();
        CallScanner in = new CallScanner(text, mark);
        while (!in.atEnd()) {
            CallScanner.require(in.take(MARK), "has more text behind it");
            in.skipSpace();
            if (in.take("[")) {
                readArray(in, calls);
            } else {
                calls.add(readNamed(in));
            }
            in.skipSpace();
        }
        return new Parts(text.substring(0, mark), calls);
    }

    private static void readArray(CallScanner in, List<RawCall> calls) throws CallException {
        do {
            in.skipSpace();
            calls.add(in.call());
            in.skipSpace();
        } while (in.take(","));
        CallScanner.require(in.take("]"), "is in an array that does not end");
    }

    private static RawCall readNamed(CallScanner in) throws CallException {
        String name = in.until("[{ \n").strip();
        CallScanner.require(!name.isEmpty(), "has no name");
        if (in.take(CALL_ID)) {
            in.until("[{");
        }
        in.take(ARGS);
        in.skipSpace();
        return new RawCall(name, in.object());
    }

    @Override
    public String opening() {
        return MARK;
    }

    @Override
    public RawCall forced(String text) throws CallException {
        List<RawCall> calls = new ArrayList<>();
        CallScanner in = new CallScanner(text, 0);
        CallScanner.require(in.take("["), "is in no array");
        readArray(in, calls);
        return calls.get(0);
    }

    @Override
    public ObjectNode schema(ObjectNode call) {
        ObjectNode array = call.objectNode().put("type", "array");
        array.put("minItems", 1).put("maxItems", 1);
        array.set("items", call);
        return array;
    }

    @Override
    public int idLength() {
        return ID_LENGTH;
    }
}
