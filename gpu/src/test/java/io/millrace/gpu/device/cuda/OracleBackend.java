package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.RotaryTable;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.kernel.GemmTiles;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.struct.KernelParams;
import java.io.IOException;
import java.util.Set;

/**
 * The CUDA backend with the oracle of every kernel that has one in its place: one warp a tile, the
 * contract's loops as they are written.
 */
final class OracleBackend extends CudaBackend {
    private final AttentionShape shape;

    OracleBackend(
            CudaContext context,
            AttentionShape shape,
            RotaryTable rotary,
            Set<Integer> windows,
            int vocabulary,
            int maxTokens,
            int maxRows)
            throws IOException {
        super(
                context,
                KernelIndex.read(),
                new ModelSizes(shape, rotary, windows, vocabulary),
                new StepLimits(maxTokens, maxRows, 0),
                Segmentation.CONTRACT);
        this.shape = shape;
    }

    @Override
    GemmTiles gemms() {
        return GemmTiles.none();
    }

    @Override
    void launch(String op, KernelLaunch launch, KernelParams with) {
        KernelLaunch instead = oracle(launch);
        if (instead != null) {
            super.launch(op, instead, with);
        }
    }

    /** Null: another launch of the op has done its work already. */
    private KernelLaunch oracle(KernelLaunch launch) {
        String kernel = launch.kernel();
        if (kernel.endsWith("f32") || kernel.equals("attention_plan")) {
            return launch;
        }
        String type = kernel.contains("_bf16") ? "bf16" : "f16";
        if (kernel.startsWith("matmul")) {
            // Of a 128-row tile's last 64 rows there may be none: the oracle then does nothing.
            int rows = launch.y() * (kernel.endsWith("large") ? 128 : 64);
            return new KernelLaunch(
                    "oracle_matmul_" + type, (bucket() + 7) / 8, rows / 16, 1, 32, 0);
        }
        if (kernel.startsWith("norm")) {
            return new KernelLaunch("oracle_" + kernel, launch.x(), 1, 1, 32, 0);
        }
        if (kernel.startsWith("attention_decode") || kernel.startsWith("attention_cascade")) {
            String oracle =
                    kernel.replaceAll("attention_(decode_sm90|decode|cascade)", "oracle_attention");
            return new KernelLaunch(oracle, bucket(), shape.heads(), 1, 32, 0);
        }
        return kernel.startsWith("attention") ? null : launch;
    }
}
