package io.millrace.schemas.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Random;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class AvroCodecTest {

    private static final int HEADER = 10;

    private final RecordCodec<InferenceRequest> requests =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null);
    private final RecordCodec<InferenceResult> results =
            RecordCodec.open(RecordType.RESULT, FormatSettings.AVRO, null);
    private final RecordCodec<InferenceFailure> failures =
            RecordCodec.open(RecordType.FAILURE, FormatSettings.AVRO, null);

    @Test
    void readsWhatItWrote() throws Exception {
        assertThat(requests.decode(requests.encode(Samples.fullRequest())))
                .isEqualTo(Samples.fullRequest());
        assertThat(results.decode(results.encode(Samples.fullResult())))
                .isEqualTo(Samples.fullResult());
        assertThat(failures.decode(failures.encode(Samples.fullFailure())))
                .isEqualTo(Samples.fullFailure());
    }

    @Test
    void readsWhatAvrosOwnSingleObjectEncoderWrote() throws Exception {
        // Its schema differs from the released file in Java's string type only.
        var encoder =
                new BinaryMessageEncoder<InferenceRequest>(
                        SpecificData.get(), ReleasedSchemas.load(RecordType.REQUEST).current());
        byte[] bytes = encoder.encode(Samples.smallRequest()).array();
        assertThat(bytes).startsWith(0xC3, 0x01);
        assertThat(requests.decode(bytes)).isEqualTo(Samples.smallRequest());
    }

    @Test
    void namesAnUnknownFingerprint() {
        byte[] bytes = requests.encode(Samples.smallRequest());
        Arrays.fill(bytes, 2, 10, (byte) 0xAB);
        CodecException e = refusal(bytes);
        assertThat(e.code()).isEqualTo(FailureCode.UNKNOWN_SCHEMA);
        assertThat(e).hasMessageContaining("fingerprint abababababababab");
    }

    @Test
    void refusesBytesThatAreLeftOver() {
        byte[] bytes = requests.encode(Samples.smallRequest());
        CodecException e = refusal(Arrays.copyOf(bytes, bytes.length + 17));
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(e).hasMessageContaining("17 bytes are left over");
        assertThat(e.id()).isEqualTo("1");
    }

    @Test
    void refusesEveryBeginningOfARecord() {
        byte[] bytes = requests.encode(Samples.fullRequest());
        for (int length = 0; length < bytes.length; length++) {
            CodecException e = refusal(Arrays.copyOf(bytes, length));
            assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
            // The id is the first field: 1 byte of length, 8 of text.
            assertThat(e.id()).isEqualTo(length < HEADER + 9 ? null : "order-17");
        }
    }

    @Test
    void refusesAnEmptyId() {
        InferenceRequest request = Samples.smallRequest();
        request.setId("");
        assertThat(refusal(requests.encode(request)).code()).isEqualTo(FailureCode.MISSING_ID);
    }

    @Test
    void doesNotReplaceBytesThatAreNotUtf8() {
        byte[] bytes = requests.encode(Samples.smallRequest());
        int prompt = indexOf(bytes, (byte) 'h');
        bytes[prompt] = (byte) 0xFF;
        CodecException e = refusal(bytes);
        assertThat(e).hasMessageContaining("field prompt: it is not valid UTF-8");
        assertThat(e.id()).isEqualTo("1");
    }

    @Test
    @Timeout(60)
    void believesNoClaimOfLength() {
        // id "1", then prompt: branch 1, a length of 2 GB and nothing.
        CodecException e = refusal(request(2, '1', 2, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F));
        assertThat(e)
                .hasMessageContaining("field prompt: 2147483647 bytes are claimed, 0 are left");
        // no prompt; messages: branch 1, an array of 2^40 items; then of -2^63 items.
        e = refusal(request(2, '1', 0, 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40));
        assertThat(e).hasMessageContaining("field messages: 1099511627776 items are claimed");
        e =
                refusal(
                        request(
                                2, '1', 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                0x01, 0));
        assertThat(e).hasMessageContaining("items are claimed");
        // A negative length, a union branch that is not there, a number without end.
        assertThat(refusal(request(1)).getMessage()).contains("-1 bytes are claimed");
        assertThat(refusal(request(2, '1', 4)).getMessage()).contains("union branch 2 of 2");
        assertThat(
                        refusal(
                                request(
                                        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xFF)))
                .hasMessageContaining("more than ten bytes");
    }

    @Test
    @Timeout(60)
    void neverThrowsAnythingElseOnDamagedBytes() {
        Random random = new Random(54);
        for (FormatSettings format :
                new FormatSettings[] {FormatSettings.AVRO, FormatSettings.JSON}) {
            RecordCodec<InferenceRequest> codec =
                    RecordCodec.open(RecordType.REQUEST, format, null);
            byte[] whole = codec.encode(Samples.fullRequest());
            int refused = 0;
            for (int i = 0; i < 20_000; i++) {
                byte[] bytes = whole.clone();
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    int from = format.format() == WireFormat.AVRO ? HEADER : 0;
                    int at = from + random.nextInt(bytes.length - from);
                    bytes[at] = (byte) random.nextInt(256);
                }
                try {
                    InferenceRequest read = codec.decode(bytes);
                    assertThat(codec.decode(codec.encode(read))).isEqualTo(read);
                } catch (CodecException e) {
                    refused++;
                }
            }
            assertThat(refused).isBetween(1_000, 20_000);
        }
    }

    private static int indexOf(byte[] bytes, byte wanted) {
        for (int i = HEADER; i < bytes.length; i++) {
            if (bytes[i] == wanted) {
                return i;
            }
        }
        throw new AssertionError("no byte " + wanted);
    }

    private byte[] request(int... body) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(requests.encode(Samples.smallRequest()), 0, HEADER);
        for (int b : body) {
            out.write(b);
        }
        return out.toByteArray();
    }

    private CodecException refusal(byte[] bytes) {
        CodecException e = catchThrowableOfType(CodecException.class, () -> requests.decode(bytes));
        assertThat(e).isNotNull();
        return e;
    }
}
