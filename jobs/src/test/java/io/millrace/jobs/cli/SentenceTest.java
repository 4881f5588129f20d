package io.millrace.jobs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class SentenceTest {
    @Test
    void prefersWhatWasWrittenForTheUser() {
        Throwable e =
                new ExecutionException(
                        new IllegalStateException(
                                "inner",
                                new CommandFailedException("Do this.", new IOException("low"))));
        assertThat(Sentence.of(e)).isEqualTo("Do this.");
    }

    @Test
    void elseTellsTheRootCause() {
        assertThat(Sentence.of(new RuntimeException("outer", new IOException("Disk is full."))))
                .isEqualTo("Disk is full.");
    }

    @Test
    void tellsAnEnginelessLibFolderInOneSentence() {
        Throwable e =
                new RuntimeException(
                        "task", new NoClassDefFoundError("io/millrace/gpu/SharedEngine"));
        assertThat(Sentence.of(e)).contains("dist/lib").contains("lib folder of Flink");
        assertThat(Sentence.of(new NoClassDefFoundError("org/other/Thing")))
                .doesNotContain("dist/lib");
    }

    @Test
    void tellsWhatAMissingLibraryMeansAndNotWhichOneItWas() {
        Throwable e =
                new RuntimeException(
                        new IOException(
                                "There is no driver.", new UnsatisfiedLinkError("libcuda.so.1")));
        assertThat(Sentence.of(e)).isEqualTo("There is no driver.");
        assertThat(Sentence.of(new RuntimeException(new UnsatisfiedLinkError("libother.so"))))
                .isEqualTo("UnsatisfiedLinkError: libother.so");
    }

    @Test
    void endsWithOneFullStopWhereOthersFollow() {
        assertThat(Sentence.ended(new IOException("No space left on device")))
                .isEqualTo("No space left on device.");
        assertThat(Sentence.ended(new IOException("It is full."))).isEqualTo("It is full.");
    }

    @Test
    void namesTheKindOfAnExceptionThatHasNoSentence() {
        assertThat(Sentence.of(new NullPointerException()))
                .isEqualTo("NullPointerException (--verbose shows where).");
        assertThat(Sentence.of(new ClassCastException("a is no b\nmore")))
                .isEqualTo("ClassCastException: a is no b");
    }
}
