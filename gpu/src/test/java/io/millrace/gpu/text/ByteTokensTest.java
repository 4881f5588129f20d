package io.millrace.gpu.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class ByteTokensTest {
    private static final String DECODER =
            "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"}]}";
    private static final String VOCABULARY =
            "{\"<0x0A>\":3,\"<0xfe>\":17,\"<0xZZ>\":4,\"<0x0A\":5,\"a\":6}";

    @Test
    void tokensOfOneByteAreFoundWhereTheDecoderPutsThemTogether() throws IOException {
        String model = "\"model\":{\"type\":\"BPE\",\"vocab\":" + VOCABULARY + ",\"merges\":[]}";
        assertThat(ByteTokens.of("{" + DECODER + "," + model + "}").stream())
                .containsExactly(3, 17);
        assertThat(ByteTokens.of("{" + model + "," + DECODER + "}").stream())
                .containsExactly(3, 17);
        assertThat(ByteTokens.of("{" + model + ",\"decoder\":null}").stream()).isEmpty();
        assertThat(ByteTokens.of("{" + model + ",\"decoder\":{\"type\":\"ByteLevel\"}}").stream())
                .isEmpty();
    }

    @Test
    void aWordCalledAsTheDecoderIsNone() throws IOException {
        String model = "\"model\":{\"vocab\":{\"ByteFallback\":0,\"<0x00>\":1}}";
        assertThat(ByteTokens.of("{" + model + "}").stream()).isEmpty();
    }

    @Test
    void aVocabularyMayBeAList() throws IOException {
        String model =
                "\"model\":{\"vocab\":[[\"a\",-1.5],[\"<0x41>\",-2],[\"b\",0]],\"unk_id\":0}";
        assertThat(ByteTokens.of("{" + model + "," + DECODER + "}").stream()).containsExactly(1);
    }
}
