package io.millrace.gpu.text;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingJsonFactory;
import java.io.IOException;
import java.util.BitSet;

/**
 * Finds the byte-fallback tokens of a {@code tokenizer.json}, which stand for one byte each. The
 * decoder decodes a run of them as a whole, or as one U+FFFD per token.
 */
final class ByteTokens {
    private static final String DECODER = "ByteFallback";
    private static final int LENGTH = "<0x00>".length();

    private ByteTokens() {}

    /** Ids of the tokens; none if the decoder has no byte fallback. */
    static BitSet of(String json) throws IOException {
        BitSet ids = new BitSet();
        if (!json.contains(DECODER)) {
            return ids;
        }
        boolean decodes = false;
        try (JsonParser in = new MappingJsonFactory().createParser(json)) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String name = in.currentName();
                in.nextToken();
                switch (name) {
                    case "decoder" -> decodes = isByteFallback(in.readValueAsTree());
                    case "model" -> readModel(in, ids);
                    default -> in.skipChildren();
                }
            }
        }
        return decodes ? ids : new BitSet();
    }

    private static boolean isByteFallback(JsonNode decoder) {
        if (decoder.path("type").asText().equals(DECODER)) {
            return true;
        }
        for (JsonNode part : decoder.path("decoders")) {
            if (isByteFallback(part)) {
                return true;
            }
        }
        return false;
    }

    private static void readModel(JsonParser in, BitSet ids) throws IOException {
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            JsonToken value = in.nextToken();
            if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
                while (in.nextToken() == JsonToken.FIELD_NAME) {
                    String token = in.currentName();
                    in.nextToken();
                    take(token, in.getIntValue(), ids);
                }
            } else if (name.equals("vocab") && value == JsonToken.START_ARRAY) {
                for (int id = 0; in.nextToken() == JsonToken.START_ARRAY; id++) {
                    JsonNode entry = in.readValueAsTree();
                    take(entry.path(0).asText(), id, ids);
                }
            } else {
                in.skipChildren();
            }
        }
    }

    private static void take(String token, int id, BitSet ids) {
        if (token.length() == LENGTH
                && token.startsWith("<0x")
                && token.endsWith(">")
                && Character.digit(token.charAt(3), 16) >= 0
                && Character.digit(token.charAt(4), 16) >= 0) {
            ids.set(id);
        }
    }
}
