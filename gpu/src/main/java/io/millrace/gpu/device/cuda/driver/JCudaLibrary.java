package io.millrace.gpu.device.cuda.driver;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.UUID;
import jcuda.JCudaVersion;
import jcuda.LibUtils;

/**
 * Installs JCuda's native library where JCuda looks for it, atomically. JCuda itself writes the
 * file in place if there is none, and loads whatever is there: of two processes that start at once,
 * one may load half a file, and a process that is killed while it writes leaves half a file to all
 * later ones.
 */
final class JCudaLibrary {
    private JCudaLibrary() {}

    /**
     * Installs the file unless it is there and is the one of this build.
     *
     * @param folder JCuda's is {@code java.io.tmpdir}
     * @throws GpuException it cannot be written
     */
    static synchronized void place(Path folder) throws GpuException {
        Path file = folder.resolve(fileName());
        try (InputStream resource = LibUtils.class.getResourceAsStream("/lib/" + fileName())) {
            if (resource == null) {
                // There is no library for this system; JCuda reports that.
                return;
            }
            byte[] library = resource.readAllBytes();
            if (Files.exists(file) && Arrays.equals(Files.readAllBytes(file), library)) {
                return;
            }
            Files.createDirectories(folder);
            Path part = folder.resolve(fileName() + "." + UUID.randomUUID());
            try {
                Files.write(part, library);
                // Processes that have loaded the old file keep it.
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        } catch (IOException e) {
            throw GpuRequirements.noLibrary(file, e);
        }
    }

    static String fileName() {
        return LibUtils.createLibraryFileName(
                LibUtils.createPlatformLibraryName("JCudaDriver-" + JCudaVersion.get()));
    }
}
