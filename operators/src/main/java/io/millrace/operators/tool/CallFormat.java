package io.millrace.operators.tool;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import java.util.List;
import java.util.Set;

/** How the models of a family write calls. Implementations have no state. */
interface CallFormat {
    /**
     * What an answer is made of.
     *
     * @param text what is no call
     */
    record Parts(String text, List<RawCall> calls) {}

    /** The format of a model; null where it has none. */
    static CallFormat of(ToolFormat format) {
        return switch (format) {
            case HERMES -> new HermesCalls();
            case LLAMA3 -> new LlamaCalls();
            case MISTRAL -> new MistralCalls();
            case AUTO, NONE -> null;
        };
    }

    /** Special tokens that are part of the format, which the text of an answer leaves out. */
    Set<String> marks();

    /**
     * Takes an answer apart.
     *
     * @param text the answer with its marks
     * @throws CallException what looks like a call is none
     */
    Parts parse(String text) throws CallException;

    /** What a prompt ends with whose answer must be a call. */
    String opening();

    /** Reads the answer to such a prompt, which is JSON by {@link #schema}. */
    RawCall forced(String text) throws CallException;

    /**
     * JSON schema of such an answer.
     *
     * @param call schema of the object of name and arguments
     */
    default ObjectNode schema(ObjectNode call) {
        return call;
    }

    /** Name of the arguments in a call. */
    default String argumentsName() {
        return "arguments";
    }

    /** Number of characters of a call's id, all hexadecimal digits; 0 for ids as OpenAI's. */
    default int idLength() {
        return 0;
    }
}
