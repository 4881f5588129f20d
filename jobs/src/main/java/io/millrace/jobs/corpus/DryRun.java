package io.millrace.jobs.corpus;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.engine.ModelPreview;
import io.millrace.jobs.cli.Progress;
import io.millrace.operators.corpus.CorpusSurvey;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** Says what a corpus has and how long it may take, without answering it. */
final class DryRun {
    private final RequestTemplate template;
    private final EngineOptions options;
    private final long maxPromptBytes;
    private final Progress progress;

    DryRun(
            RequestTemplate template,
            EngineOptions options,
            long maxPromptBytes,
            Progress progress) {
        this.template = template;
        this.options = options;
        this.maxPromptBytes = maxPromptBytes;
        this.progress = progress;
    }

    /**
     * Reads all files.
     *
     * @param speed tokens of answers a second that were measured; null if none were
     */
    void run(List<InputFile> files, Double speed) throws IOException {
        CorpusSurvey survey =
                new CorpusSurvey(
                        template, options.modelName(), ModelPreview.open(options), maxPromptBytes);
        for (int i = 0; i < files.size(); i++) {
            survey.add(files.get(i));
            progress.percent("Rows", files.get(i).name(), i + 1, files.size());
        }
        CorpusSurvey.Counts counts = survey.counts();
        progress.line(
                "Rows",
                "%,d in %,d files, of which %,d rows and %,d files cannot be answered",
                counts.rows(),
                files.size(),
                counts.failures(),
                counts.unreadableFiles());
        progress.line(
                "Tokens",
                "%,d of prompts, at most %,d of answers",
                counts.promptTokens(),
                counts.maxAnswerTokens());
        progress.line("Time", "%s", time(counts, speed));
    }

    private static String time(CorpusSurvey.Counts counts, Double speed) {
        if (speed == null) {
            return "unknown: no speed was measured; give --output-speed, the tokens/s that a corpus"
                    + " of such rows shows while it runs";
        }
        long seconds = (long) Math.ceil(counts.maxAnswerTokens() / speed);
        return String.format(
                Locale.ROOT,
                "at most %d:%02d:%02d at %,.1f tokens/s (--output-speed)",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                speed);
    }
}
