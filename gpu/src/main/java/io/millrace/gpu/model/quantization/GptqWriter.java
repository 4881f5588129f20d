package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tool that wrote a GPTQ file, by {@code meta.quantizer}. */
final class GptqWriter {
    private static final Pattern GPTQMODEL = Pattern.compile("gptqmodel:(\\d+)\\.(\\d+).*");

    /** The first version of GPTQModel with files in which zero points of 0 can be read. */
    private static final int MAJOR = 0;

    private static final int MINOR = 9;

    private GptqWriter() {}

    /** Whether it subtracts 1 from a word of zero points as a whole. */
    static boolean borrows(ConfigFile config) throws InvalidModelException {
        JsonNode writers = config.child("meta").get("quantizer");
        if (writers == null) {
            return false;
        }
        for (JsonNode writer : writers.isArray() ? writers : List.of(writers)) {
            Matcher matcher = GPTQMODEL.matcher(writer.asText());
            if (matcher.matches()) {
                int major = Integer.parseInt(matcher.group(1));
                return major > MAJOR || Integer.parseInt(matcher.group(2)) >= MINOR;
            }
        }
        return false;
    }
}
