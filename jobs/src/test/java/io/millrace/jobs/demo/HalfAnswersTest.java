package io.millrace.jobs.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HalfAnswersTest {
    @TempDir Path folder;

    @Test
    void theLongestBeginningIsShownAndTiesGoToTheFirstName() {
        HalfAnswers half =
                new HalfAnswers(
                        "chk-17",
                        Map.of("c", List.of(1, 2, 3), "a", List.of(4), "b", List.of(5, 6, 7)));
        assertThat(half.longest()).isEqualTo("b");
        assertThat(half.total()).isEqualTo(7);
    }

    @Test
    void aCheckpointThatIsNotCompleteIsNone() throws Exception {
        assertThat(HalfAnswers.newest(folder.resolve("no-job"))).isNull();
        Files.createDirectories(folder.resolve("chk-17"));
        Files.createDirectories(folder.resolve("shared"));
        assertThat(HalfAnswers.newest(folder)).isNull();
    }
}
