package io.millrace.gpu.text.jinja;

import io.millrace.gpu.api.EngineOptions.Reasoning;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import java.util.regex.Pattern;

/**
 * Finds how a model's answers are marked, by what its chat template writes of earlier answers and
 * says to the model.
 */
final class AnswerMarks {
    private static final Pattern TOOLS = Pattern.compile("\\btools\\b");

    private AnswerMarks() {}

    static boolean readsTools(String source) {
        return TOOLS.matcher(source).find();
    }

    static ToolFormat toolFormat(String source) {
        if (!readsTools(source)) {
            return ToolFormat.NONE;
        }
        if (source.contains("[TOOL_CALLS]")) {
            return ToolFormat.MISTRAL;
        }
        if (source.contains("<tool_call>")) {
            // Others write no JSON within these tags, but tags for the arguments.
            boolean tags = source.contains("<function=") || source.contains("<arg_key>");
            return tags ? ToolFormat.NONE : ToolFormat.HERMES;
        }
        boolean llama =
                source.contains("<|python_tag|>")
                        || source.contains("<|start_header_id|>")
                                && source.contains("\"parameters\"");
        return llama ? ToolFormat.LLAMA3 : ToolFormat.NONE;
    }

    static Reasoning reasoning(String source) {
        return source.contains("</think>") ? Reasoning.THINK : Reasoning.NONE;
    }
}
