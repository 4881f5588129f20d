package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.job.JobArguments;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlinkSettingsTest {
    private static final String INTERVAL = "execution.checkpointing.interval";
    private static final String DIR = "execution.checkpointing.dir";
    private static final String STORAGE = "execution.checkpointing.storage";

    @Test
    void theFileOfTheRepositoryIsEnough() {
        Configuration file =
                GlobalConfiguration.loadConfiguration(Path.of("..", "flink-conf").toString());
        assertThatCode(() -> FlinkSettings.requireCheckpoints(file)).doesNotThrowAnyException();
        assertThat(arguments().parallelism(file)).isEqualTo(1);
    }

    @Test
    void checkpointsInTheJobManagersHeapAreRefusedWithTheRemedy() {
        refused(Map.of(INTERVAL, "5s"), "there is no " + DIR);
        refused(Map.of(INTERVAL, "5s", STORAGE, "filesystem"), "filesystem");
        refused(
                Map.of(INTERVAL, "5s", DIR, "file:///x", STORAGE, "jobmanager"),
                STORAGE + " is jobmanager");
    }

    @ParameterizedTest
    @ValueSource(strings = {DIR, "state.checkpoints.dir"})
    void aFolderUnderEitherOfItsNamesWillDo(String key) {
        FlinkSettings.requireCheckpoints(
                Configuration.fromMap(Map.of(INTERVAL, "5s", key, "file:///x")));
    }

    @Test
    void aStorageOfTheClustersOwnNeedsNoFolder() {
        FlinkSettings.requireCheckpoints(
                Configuration.fromMap(Map.of(INTERVAL, "5s", STORAGE, "com.example.Factory")));
    }

    @Test
    void theJobsOwnFolderWinsOverTheClustersStorage(@TempDir Path folder) {
        Configuration settings =
                Configuration.fromMap(Map.of(INTERVAL, "5s", STORAGE, "jobmanager"));
        settings.addAll(
                FlinkSettings.ofJob(arguments(), new StateDirectory(folder.toString(), "mill")));
        FlinkSettings.requireCheckpoints(settings);
    }

    @Test
    void aJobWithoutCheckpointsIsRefused() {
        assertThatThrownBy(
                        () ->
                                FlinkSettings.requireCheckpoints(
                                        Configuration.fromMap(Map.of(DIR, "file:///x"))))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContainingAll("--checkpoint-interval", INTERVAL);
    }

    @Test
    void theParallelismIsTheOptionsElseThatOfFlink() {
        Configuration flink = Configuration.fromMap(Map.of("parallelism.default", "17"));
        assertThat(arguments().parallelism(flink)).isEqualTo(17);
        assertThat(arguments("--parallelism=3").parallelism(flink)).isEqualTo(3);
        assertThat(arguments().parallelism(new Configuration())).isEqualTo(1);
    }

    private static void refused(Map<String, String> settings, String told) {
        assertThatThrownBy(() -> FlinkSettings.requireCheckpoints(Configuration.fromMap(settings)))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContainingAll(told, "--checkpoint-dir", DIR, "5 MiB");
    }

    private static JobArguments arguments(String... more) {
        String[] all = new String[more.length + 1];
        all[0] = "--model=m";
        System.arraycopy(more, 0, all, 1, more.length);
        return Arguments.parse(new JobArguments(), all);
    }
}
