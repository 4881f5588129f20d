package io.millrace.jobs.corpus;

import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.cli.Progress;
import io.millrace.operators.corpus.output.OutputFolder;
import java.nio.file.Path;

/** The last lines of the command. */
final class CorpusEnd {
    private CorpusEnd() {}

    /** Says what came of a corpus; returns the exit code. */
    static int tell(String label, Manifest.Summary summary, String out, Progress progress) {
        progress.plain(
                "%s: %,d of %,d rows answered%s, %,d tokens, %,d of %,d files in %s"
                        .formatted(
                                label,
                                summary.rows() - summary.failures(),
                                summary.rows(),
                                summary.copies() == 0
                                        ? ""
                                        : ", %,d of them as an equal row was"
                                                .formatted(summary.copies()),
                                summary.tokens(),
                                summary.files() - summary.failedFiles(),
                                summary.files(),
                                out));
        if (summary.byId() > 0) {
            progress.plain(
                    "%,d rows were not deduplicated: their ids are the seeds of their draws. Give --seed, or --temperature 0, in another output folder."
                            .formatted(summary.byId()));
        }
        if (summary.failures() == 0 && summary.failedFiles() == 0) {
            return 0;
        }
        progress.plain(
                "%,d rows and %,d files are without an answer: %s says why"
                        .formatted(
                                summary.failures(),
                                summary.failedFiles(),
                                Path.of(out).resolve(OutputFolder.FAILURES)));
        return ExitCode.FAILED.code();
    }
}
