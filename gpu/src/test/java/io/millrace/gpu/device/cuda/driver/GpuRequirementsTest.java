package io.millrace.gpu.device.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.device.cuda.CudaModelRunner;
import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class GpuRequirementsTest {

    @Test
    void whatIsMissingIsOneSentenceWithARemedy() {
        assertThat(GpuRequirements.noKernels()).hasMessageContainingAll("no GPU kernels", "nvcc");
        assertThat(GpuRequirements.noDriver(null))
                .hasMessageContainingAll("no NVIDIA driver", "580");
        assertRefused(() -> GpuRequirements.checkDriver(12_040), "CUDA 12.4", "CUDA 13.0", "580");
        assertRefused(() -> GpuRequirements.checkIndex(0, 0), "finds no GPU", "device cpu");
        assertRefused(() -> GpuRequirements.checkIndex(2, 2), "no GPU 2", "sees 2");
        assertRefused(
                () -> GpuRequirements.checkCapability(1, "Tesla T4", 75),
                "GPU 1 (Tesla T4)",
                "7.5",
                "8.0");
    }

    @Test
    void aBuildWithoutKernelsIsRefusedBeforeADriverIsAskedFor() throws Exception {
        List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classPath.add(new File(entry).toURI().toURL());
        }
        try (URLClassLoader bare = new Bare(classPath.toArray(URL[]::new))) {
            Object reason =
                    bare.loadClass(CudaModelRunner.class.getName())
                            .getMethod("reasonAgainst", int.class)
                            .invoke(null, 0);
            assertThat(reason).isEqualTo(GpuRequirements.noKernels().getMessage());
        }
    }

    /** Classes of their own, and none of the kernels that the build made. */
    private static final class Bare extends URLClassLoader {
        Bare(URL[] classPath) {
            super(classPath, ClassLoader.getPlatformClassLoader());
        }

        @Override
        public URL getResource(String name) {
            return name.endsWith("kernels.index") ? null : super.getResource(name);
        }
    }

    @Test
    void whatIsEnoughPasses() {
        assertThatCode(
                        () -> {
                            GpuRequirements.checkDriver(13_000);
                            GpuRequirements.checkIndex(1, 2);
                            GpuRequirements.checkCapability(0, "A100", 80);
                            GpuRequirements.checkCapability(0, "B200", 100);
                        })
                .doesNotThrowAnyException();
    }

    private static void assertRefused(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call)
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll(parts)
                .message()
                .matches("[A-Z][^\n]*[^.]\\.");
    }
}
