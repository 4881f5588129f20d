package io.millrace.gpu.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingJsonFactory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/** Finds the maximum text per token of a {@code tokenizer.json}. */
final class LongestToken {
    private static final JsonFactory JSON = new MappingJsonFactory();
    private static final int BYTES = 256;

    /** Splits that keep every character of the text. */
    private static final Set<String> KEEPING =
            Set.of("ByteLevel", "Metaspace", "Split", "Digits", "Punctuation", "Sequence");

    private LongestToken() {}

    /** Maximum bytes (UTF-8) of text per token; 0 for no maximum. */
    static int bytesOf(String json) throws IOException {
        Reader reader = new Reader();
        try (JsonParser in = JSON.createParser(json)) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String name = in.currentName();
                in.nextToken();
                switch (name) {
                    case "added_tokens" -> reader.readAdded(in.readValueAsTree());
                    case "normalizer" -> reader.bounded &= keepsLength(in.readValueAsTree());
                    case "pre_tokenizer" -> reader.readSplits(in.readValueAsTree());
                    case "model" -> reader.readModel(in);
                    default -> in.skipChildren();
                }
            }
        }
        return reader.longestToken();
    }

    /** Whether a normalizer makes no text shorter, in bytes. */
    private static boolean keepsLength(JsonNode normalizer) {
        switch (normalizer.path("type").asText()) {
            case "Sequence":
                for (JsonNode part : normalizer.path("normalizers")) {
                    if (!keepsLength(part)) {
                        return false;
                    }
                }
                return true;
            case "Replace":
                JsonNode pattern = normalizer.path("pattern").path("String");
                return pattern.isTextual()
                        && bytes(normalizer.path("content").asText()) >= bytes(pattern.asText());
            case "Prepend", "ByteLevel":
                return true;
            default:
                return normalizer.isNull();
        }
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    /** One pass over the file, whose vocabulary is not kept. */
    private static final class Reader {
        private final Set<String> byteLetters = new HashSet<>();
        private final Set<String> byteTokens = new HashSet<>();
        private boolean byteLevel;
        private boolean byteFallback;
        private boolean bpe;
        private int longest;
        private int longestAdded;

        /** Whether nothing found so far lets a token stand for any number of bytes. */
        boolean bounded = true;

        void readAdded(JsonNode tokens) {
            for (JsonNode token : tokens) {
                longestAdded = Math.max(longestAdded, bytes(token.path("content").asText()));
                // It includes the white space beside it, of any length.
                bounded &= !token.path("lstrip").asBoolean() && !token.path("rstrip").asBoolean();
            }
        }

        void readSplits(JsonNode node) {
            String type = node.path("type").asText();
            byteLevel |= type.equals("ByteLevel");
            bounded &= node.isNull() || KEEPING.contains(type);
            bounded &= !node.path("behavior").asText().equals("Removed");
            node.path("pretokenizers").forEach(this::readSplits);
        }

        void readModel(JsonParser in) throws IOException {
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String name = in.currentName();
                JsonToken value = in.nextToken();
                if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
                    readVocabulary(in);
                } else if (name.equals("type")) {
                    bpe = in.getText().equals("BPE");
                } else if (name.equals("byte_fallback")) {
                    byteFallback = value == JsonToken.VALUE_TRUE;
                } else {
                    in.skipChildren();
                }
            }
        }

        private void readVocabulary(JsonParser in) throws IOException {
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String token = in.currentName();
                in.nextToken();
                longest = Math.max(longest, bytes(token));
                if (token.length() == 1) {
                    byteLetters.add(token);
                } else if (token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
                    byteTokens.add(token);
                }
            }
        }

        /**
         * Maximum bytes per token, or 0. If a byte has no token, a run of characters may become one
         * unknown token, or none.
         */
        int longestToken() {
            boolean all =
                    byteLevel && byteLetters.containsAll(ByteLetters.ALL)
                            || byteFallback && byteTokens.size() == BYTES;
            return bpe && all && bounded ? Math.max(longest, longestAdded) : 0;
        }
    }
}
