package io.millrace.gpu.device.cuda.driver;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class DeviceLimitsTest {
    private static final DeviceLimits L4 =
            new DeviceLimits(89, 1024, 99 << 10, Integer.MAX_VALUE, 65_535, 65_535);

    private static KernelLaunch launch(int x, int y, int z, int threads, int sharedBytes) {
        return new KernelLaunch("attention", x, y, z, threads, sharedBytes);
    }

    private static void assertRefused(
            KernelLaunch launch, int staticBytes, int threads, String... parts) {
        assertThatThrownBy(() -> L4.check("GPU 0 (NVIDIA L4)", launch, staticBytes, threads))
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll("kernel attention", "GPU 0 (NVIDIA L4)", "device cpu")
                .hasMessageContainingAll(parts);
    }

    @Test
    void takesWhatIsAtTheLimit() {
        assertThatCode(
                        () ->
                                L4.check(
                                        "it",
                                        launch(Integer.MAX_VALUE, 65_535, 65_535, 1024, 98 << 10),
                                        1 << 10,
                                        1024))
                .doesNotThrowAnyException();
    }

    @Test
    void refusesMoreSharedMemoryThanAThreadBlockCanHave() {
        assertRefused(launch(1, 1, 1, 128, 112 << 10), 1024, 1024, "115712 bytes", "has 101376");
        assertRefused(launch(1, 1, 1, 128, 99 << 10), 1, 1024, "101377 bytes", "has 101376");
    }

    @Test
    void refusesMoreThreadsThanTheGpuOrTheKernelAllows() {
        assertRefused(launch(1, 1, 1, 1025, 0), 0, 2048, "1025 threads", "with 1024 at most");
        assertRefused(launch(1, 1, 1, 512, 0), 0, 256, "512 threads", "with 256 at most");
    }

    @Test
    void refusesAGridThatIsTooLarge() {
        String[] remedy = {"--max-batched-tokens", "(2147483647, 65535, 65535)"};
        assertRefused(launch(1, 65_536, 1, 128, 0), 0, 1024, remedy);
        assertRefused(launch(1, 1, 65_536, 128, 0), 0, 1024, remedy);
    }
}
