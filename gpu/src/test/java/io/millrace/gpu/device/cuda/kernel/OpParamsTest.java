package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.program.StepBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What Java writes, field by field, is what the kernels' header declares. */
class OpParamsTest {
    private static final Path HEADER = Path.of("src", "main", "cuda", "include", "params.h");

    private final Recorder recorder = new Recorder();
    private final OpParams write =
            new OpParams(
                    new OpParams.Fixed(
                            new OpParams.Step(8, 16, 24, 32, 40, 48, 56, 64, 72),
                            new AttentionShape(2, 6, 2, 64),
                            16,
                            null,
                            null,
                            null,
                            null),
                    recorder);

    @Test
    void everyStructHasTheFieldsOfTheHeader() throws IOException {
        CudaMatrix matrix = new CudaMatrix(null, 54, 97, 3);
        Norm<DeviceMemory> norm = new Norm<>(null, null, 1e-5f);
        QkvProjection<CudaMatrix, DeviceMemory> qkv = new QkvProjection<>(matrix, null, norm, norm);
        OpParams.Plan plan = new OpParams.Plan(null, null, null, null, null, null, null, null);

        write.resolve(new OpParams.Drawn(8, 16, 24));
        assertLikeHeader("ResolveParams");
        write.embed(matrix, null, null);
        assertLikeHeader("EmbedParams");
        OpParams.Input input = new OpParams.Input(null, null);
        write.norm(null, norm, input, true, 54);
        assertLikeHeader("NormParams");
        write.matmul(matrix, input, null, null, OpParams.Epilogue.GATED, false);
        assertLikeHeader("MatmulParams");
        write.qkvFinish(null, qkv, null, 8);
        assertLikeHeader("QkvFinishParams");
        write.qkv(matrix, input, qkv, null, 8);
        assertLikeHeader("QkvParams");
        write.attentionPlan(plan, 17, true, 64);
        assertLikeHeader("AttentionPlanParams");
        write.attention(null, 8, null, plan, 17, 0.5f, true);
        assertLikeHeader("AttentionParams");
        RowTiles tiles = new RowTiles(null, "bf16", 34, 128, RowTiles.Alternate.UP, null, 3);
        tiles.write(recorder, 8, 54, 97);
        assertLikeHeader("TileParams");
    }

    @Test
    void epiloguesHaveTheNumbersOfTheHeader() throws IOException {
        String header = Files.readString(HEADER);
        for (OpParams.Epilogue epilogue : OpParams.Epilogue.values()) {
            assertThat(header).contains("EPILOGUE_" + epilogue + " = " + epilogue.ordinal());
        }
    }

    @Test
    void rowsThatAlternateHaveTheNumbersOfTheHeader() throws IOException {
        assertThat(Files.readString(HEADER))
                .contains("alternate;   // 0: no; ")
                .contains("these being " + RowTiles.Alternate.GATE.ordinal() + ": gate, ")
                .contains(RowTiles.Alternate.UP.ordinal() + ": up");
    }

    @Test
    void aDrawnTokenHasTheNumberOfTheHeader() throws IOException {
        assertThat(Files.readString(HEADER)).contains("DRAWN = " + StepBatch.DRAWN + ";");
    }

    @Test
    void pointersThatWouldNeedPaddingAreRefused() {
        KernelParams params = new KernelParams();
        params.begin().word(1);
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> params.pointer(1L))
                .isInstanceOf(IllegalStateException.class);
    }

    private void assertLikeHeader(String struct) throws IOException {
        assertThat(recorder.kinds.toString()).as(struct).isEqualTo(kinds(struct));
    }

    private static String kinds(String struct) throws IOException {
        Matcher body =
                Pattern.compile("struct " + struct + " \\{(.*?)\\n\\};", Pattern.DOTALL)
                        .matcher(Files.readString(HEADER));
        assertThat(body.find()).as(struct).isTrue();
        StringBuilder kinds = new StringBuilder();
        for (String line : body.group(1).split("\n")) {
            String field = line.replaceAll("//.*|/\\*.*", "").strip();
            if (field.matches("\\w+Params \\w+;")) {
                kinds.append(kinds(field.substring(0, field.indexOf(' '))));
            } else if (field.endsWith(";")) {
                kinds.append(field.contains("*") ? 'P' : field.startsWith("float ") ? 'F' : 'I');
            }
        }
        return kinds.toString();
    }

    /** Notes the kinds of fields. */
    private static final class Recorder extends KernelParams {
        private final StringBuilder kinds = new StringBuilder();

        @Override
        public KernelParams begin() {
            kinds.setLength(0);
            return super.begin();
        }

        @Override
        public KernelParams pointer(long address) {
            kinds.append('P');
            return super.pointer(address);
        }

        @Override
        public KernelParams word(int value) {
            kinds.append('I');
            return super.word(value);
        }

        @Override
        public KernelParams word(float value) {
            kinds.append('F');
            return super.word(value);
        }
    }
}
