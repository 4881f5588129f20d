package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.bench.result.BenchOrigin;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchOriginTest {
    @TempDir Path home;

    @Test
    void inAReleaseTheCommitIsTheOneItWasMadeOf() throws Exception {
        Files.writeString(
                home.resolve("RELEASE"), "version=1.2.3\ncommit=0123456789ab\nkernels=18\n");
        assertThat(BenchOrigin.of(home).commit()).isEqualTo("0123456789ab");
    }

    @Test
    void withoutARepositoryAndAReleaseItIsTheVersion() throws Exception {
        assertThat(BenchOrigin.of(home).commit()).startsWith("millrace ");
    }
}
