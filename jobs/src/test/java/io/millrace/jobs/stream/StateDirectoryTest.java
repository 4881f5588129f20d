package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateDirectoryTest {
    @TempDir Path folder;

    @Test
    void findsNothingInAFolderThatIsNotThereYet() {
        assertThat(directory("a").newest()).isEmpty();
    }

    @Test
    void findsTheNewestCompleteState() throws IOException {
        complete("a/job1/chk-97", 97);
        complete("a/job2/chk-1", 100);
        complete("a/savepoints/savepoint-1", 54);
        assertThat(directory("a").newest())
                .hasValueSatisfying(
                        state -> {
                            assertThat(state.path()).endsWith("/a/job2/chk-1");
                            assertThat(state.savepoint()).isFalse();
                        });
        complete("a/savepoints/savepoint-2", 101);
        assertThat(directory("a").newest())
                .hasValueSatisfying(state -> assertThat(state.savepoint()).isTrue());
    }

    @Test
    void passesOverStateWithoutMetadataAndFoldersOfTheJob() throws IOException {
        complete("a/job1/chk-1", 1);
        Files.createDirectories(folder.resolve("a/job1/chk-2"));
        complete("a/job1/shared", 54);
        complete("a/job1/taskowned", 55);
        assertThat(directory("a").newest())
                .hasValueSatisfying(state -> assertThat(state.path()).endsWith("/chk-1"));
    }

    @Test
    void keepsApplicationsApart() throws IOException {
        complete("ab/job1/chk-1", 1);
        assertThat(directory("a").newest()).isEmpty();
    }

    @Test
    void isHeldByOneRunAtATime() {
        StateDirectory first = directory("a");
        try (StateDirectory.Lock lock = first.lock()) {
            assertThat(lock).isNotNull();
            StateDirectory second = directory("a");
            assertThatThrownBy(second::lock)
                    .isInstanceOf(CommandFailedException.class)
                    .hasMessageContaining("application id a")
                    .hasMessageContaining("--application-id");
        }
        directory("a").lock().close();
    }

    @Test
    void refusesAnIdThatIsNoFolderName() {
        assertThatThrownBy(() -> directory("../other"))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining("'../other'");
    }

    private StateDirectory directory(String id) {
        return new StateDirectory(folder.toString(), id);
    }

    private void complete(String path, long second) throws IOException {
        Path state = Files.createDirectories(folder.resolve(path));
        Path metadata = Files.createFile(state.resolve("_metadata"));
        Files.setLastModifiedTime(metadata, FileTime.from(Instant.ofEpochSecond(second)));
    }
}
