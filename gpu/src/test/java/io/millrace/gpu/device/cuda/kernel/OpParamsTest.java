package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.MatmulParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.TileParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.HeadParams;
import io.millrace.gpu.device.cuda.struct.Struct;
import io.millrace.gpu.program.StepBatch;
import org.junit.jupiter.api.Test;

class OpParamsTest {
    private final OpParams write =
            new OpParams(
                    new OpParams.Fixed(
                            new OpParams.Step(8, 16, 24, 32, 40, 48, 56, 64, 72),
                            new AttentionShape(2, 6, 2, 64),
                            16,
                            null,
                            null,
                            null,
                            null));
    private final CudaMatrix matrix = new CudaMatrix(null, 54, 97, 3);
    private final OpParams.Input input = new OpParams.Input(null, null);

    @Test
    void allFieldsOfEachKernelAreSet() {
        Norm<DeviceMemory> norm = new Norm<>(null, null, 1e-5f);
        QkvProjection<CudaMatrix, DeviceMemory> qkv = new QkvProjection<>(matrix, null, norm, norm);
        OpParams.Plan plan = new OpParams.Plan(null, null, null, null, null, null, null, null);
        RowTiles tiles = new RowTiles(null, "bf16", 34, 128, RowTiles.Alternate.UP, null, 3);
        Struct[] all = {
            write.resolve(
                    new OpParams.SamplerState(8, 16, 24, 32),
                    new OpParams.Staging(8, 16, 960, 192, 512, 544, 576, 32),
                    17,
                    false),
            write.embed(matrix, null, null),
            write.norm(null, norm, input, true, 54),
            write.matmul(matrix, input, null, null, OpParams.Epilogue.GATED),
            write.qkvFinish(null, qkv, null, 8),
            write.qkv(matrix, input, qkv, null, 8),
            write.attentionPlan(plan, 17, true, 64),
            write.attention(null, 8, null, plan, 17, 0.5f, true),
            tiles.write(new TileParams(), 8, 54, 97)
        };
        for (Struct each : all) {
            each.check();
        }
    }

    @Test
    void aGatedWeightHasHalfItsRowsAsColumns() {
        for (OpParams.Epilogue epilogue : OpParams.Epilogue.values()) {
            boolean gated = epilogue == OpParams.Epilogue.GATED;
            MatmulParams params = write.matmul(matrix, input, null, null, epilogue);
            assertThat(params.toString())
                    .contains(
                            "rows=54, k=97, columns=%d, segments=3, epilogue=%d, sampledOnly=0)"
                                    .formatted(gated ? 27 : 54, epilogue.ordinal()));
        }
    }

    @Test
    void logitsAreThoseOfSampledTokensAlsoWithinTheHeads() {
        HeadParams head =
                new HeadParams().begin().rows(8).sample(16).tiles(24).candidates(32).maxRows(5);
        write.logits(head.matmul, matrix, input, null);
        head.check();
        String matmul = write.logits(matrix, input, null).toString();
        assertThat(matmul).contains("step=0x8, ").endsWith(", epilogue=0, sampledOnly=1)");
        assertThat(head.toString())
                .isEqualTo(
                        "HeadParams(matmul=%s, rows=0x8, sample=0x10, tiles=0x18, candidates=0x20, maxRows=5)"
                                .formatted(matmul));
    }

    @Test
    void theLastSampleHasTheNumberOfTheHeader() {
        assertThat(StepBatch.LAST_SAMPLE).isEqualTo(ParamsHeader.LAST_SAMPLE);
    }
}
