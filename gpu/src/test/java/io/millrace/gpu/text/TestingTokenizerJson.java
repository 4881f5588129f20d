package io.millrace.gpu.text;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A byte-level BPE tokenizer as small as can be: 256 bytes, a few merges, two special tokens, of
 * which the first is put before each prompt.
 */
public final class TestingTokenizerJson {
    /** Token ids 0 to 255 are bytes. */
    public static final int BYTES = 256;

    private static final String[][] MERGES = {
        {"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"\u0120", "w"}, {"o", "r"}
    };

    /** Put before each prompt. */
    public static final int BEGIN = BYTES + MERGES.length;

    public static final int END_OF_TEXT = BEGIN + 1;
    public static final int VOCABULARY = END_OF_TEXT + 1;

    private TestingTokenizerJson() {}

    /** Writes {@code tokenizer.json} into a folder. */
    public static Path write(Path folder) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("version", "1.0");
        // Both must be ignored: nothing is cut or padded.
        root.putObject("truncation")
                .put("direction", "Right")
                .put("max_length", 5)
                .put("strategy", "LongestFirst")
                .put("stride", 0);
        root.putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        special(added, BEGIN, "<begin>");
        special(added, END_OF_TEXT, "<end>");
        root.putNull("normalizer");
        byteLevel(root.putObject("pre_tokenizer"));
        ObjectNode post = root.putObject("post_processor");
        post.put("type", "TemplateProcessing");
        ArrayNode single = post.putArray("single");
        single.addObject().putObject("SpecialToken").put("id", "<begin>").put("type_id", 0);
        single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        post.putArray("pair");
        ObjectNode begin = post.putObject("special_tokens").putObject("<begin>");
        begin.put("id", "<begin>");
        begin.putArray("ids").add(BEGIN);
        begin.putArray("tokens").add("<begin>");
        byteLevel(root.putObject("decoder"));
        ObjectNode model = root.putObject("model");
        model.put("type", "BPE");
        model.putNull("dropout");
        model.putNull("unk_token");
        model.putNull("continuing_subword_prefix");
        model.putNull("end_of_word_suffix");
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        ObjectNode vocabulary = model.putObject("vocab");
        int next = BYTES;
        for (int b = 0; b < BYTES; b++) {
            vocabulary.put(letter(b), b);
        }
        ArrayNode merges = model.putArray("merges");
        for (String[] merge : MERGES) {
            vocabulary.put(merge[0] + merge[1], next++);
            merges.add(merge[0] + " " + merge[1]);
        }
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, mapper.writeValueAsString(root));
        return file;
    }

    private static void special(ArrayNode added, int id, String content) {
        added.addObject()
                .put("id", id)
                .put("content", content)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true);
    }

    private static void byteLevel(ObjectNode node) {
        node.put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", false);
    }

    /** The letter that stands for a byte in byte-level vocabularies. */
    private static String letter(int b) {
        int unprintable = 0;
        for (int i = 0; i <= b; i++) {
            boolean printable =
                    i >= '!' && i <= '~' || i >= 0xA1 && i <= 0xAC || i >= 0xAE && i <= 0xFF;
            if (i == b && printable) {
                return String.valueOf((char) b);
            }
            if (!printable) {
                unprintable++;
            }
        }
        return String.valueOf((char) (256 + unprintable - 1));
    }
}
