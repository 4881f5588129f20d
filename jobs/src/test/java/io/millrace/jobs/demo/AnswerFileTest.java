package io.millrace.jobs.demo;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnswerFileTest {
    @TempDir Path folder;

    @Test
    void theOrderInWhichAnswersComeMakesNoDifference() throws IOException {
        AnswerFile one = new AnswerFile(folder.resolve("one"));
        one.add(record("b", "{17}"));
        one.add(record("\u00e4", "{97}"));
        one.add(record("a", "{54}"));
        one.write();
        AnswerFile other = new AnswerFile(folder.resolve("new/other"));
        other.add(record("\u00e4", "{97}"));
        other.add(record("a", "{54}"));
        other.add(record("b", "{17}"));
        other.write();
        assertThat(folder.resolve("one")).hasContent("{54}\n{17}\n{97}\n");
        assertThat(folder.resolve("new/other")).hasSameBinaryContentAs(folder.resolve("one"));
    }

    @Test
    void whatComesTwiceIsThereTwiceAndWhatHasNoKeyIsFirst() throws IOException {
        AnswerFile file = new AnswerFile(folder.resolve("file"));
        file.add(record("a", "{54}"));
        file.add(record(null, "{17}"));
        file.add(record("a", "{54}"));
        file.add(record("a", null));
        file.write();
        assertThat(folder.resolve("file")).hasContent("{17}\n\n{54}\n{54}\n");
    }

    @Test
    void aFileThatCannotBeWrittenIsToldBeforeAnythingIsAnswered() throws IOException {
        Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> new AnswerFile(folder.resolve("file").resolve("below")))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining("--answers")
                .hasMessageContaining("below");
    }

    private static ConsumerRecord<byte[], byte[]> record(String key, String value) {
        return new ConsumerRecord<>(
                "answers",
                0,
                0,
                key == null ? null : key.getBytes(UTF_8),
                value == null ? null : value.getBytes(UTF_8));
    }
}
