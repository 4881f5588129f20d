package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Lists the launches that an engine's steps can make, so that a launch that exceeds the GPU's
 * limits is found when the engine opens and not by a request.
 *
 * @param type type of weights, K and V: {@code bf16}, {@code f16} or {@code f32}
 * @param matrices the model's weights
 * @param maxTokens most tokens of a step
 * @param maxRows most rows of a step
 */
public record StepLaunches(
        String type,
        AttentionShape shape,
        List<CudaMatrix> matrices,
        int vocabulary,
        int maxTokens,
        int maxRows) {
    /**
     * The launches, each once.
     *
     * @param multiprocessors multiprocessors of the GPU
     */
    public Set<KernelLaunch> on(
            DeviceLimits limits, int multiprocessors, Segmentation segmentation) {
        Set<KernelLaunch> all = new LinkedHashSet<>();
        all.add(Launches.resolve());
        GemmTiles gemms = GemmTiles.on(limits, multiprocessors);
        for (int tokens = 1; tokens <= maxTokens; tokens = TokenBuckets.of(tokens) + 1) {
            int bucket = Math.min(maxTokens, TokenBuckets.of(tokens));
            int rows = Math.min(bucket, maxRows);
            all.add(Launches.embed(type, bucket));
            for (boolean early : new boolean[] {false, true}) {
                all.add(Launches.norm(type, bucket, early));
                all.add(Launches.norm(type, rows, early));
            }
            all.add(Launches.qkvFinish(type, bucket, shape));
            for (CudaMatrix weight : matrices) {
                for (int n : new int[] {bucket, rows}) {
                    int segments = segmentation.segments(weight, n, multiprocessors);
                    all.add(Launches.matmul(type, n, weight.rows(), segments));
                    gemms.launchQkv(type, n, weight.rows(), weight.k(), segments, shape.headSize())
                            .ifPresent(all::add);
                    for (boolean gated : new boolean[] {false, true}) {
                        gemms.launch(type, n, weight.rows(), weight.k(), segments, gated)
                                .ifPresent(all::add);
                    }
                }
            }
            if (type.equals("f32")) {
                all.add(Launches.attentionF32(shape, bucket));
                continue;
            }
            for (boolean early : new boolean[] {false, true}) {
                all.add(
                        Launches.attentionDecode(
                                type, shape, rows, multiprocessors, limits, early));
            }
            all.add(Launches.head(type, rows, vocabulary));
            gemms.head(type, rows, vocabulary).ifPresent(all::add);
            all.add(
                    PrefillKernel.on(type, shape, limits)
                            .launch(shape, bucket, rows, multiprocessors));
        }
        if (!type.equals("f32")) {
            all.add(Launches.attentionPlan());
            all.add(Launches.attentionCascade(type, shape, multiprocessors));
        }
        all.addAll(new SampleLaunches(vocabulary, maxRows, multiprocessors).all());
        return all;
    }
}
