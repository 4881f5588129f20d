package io.millrace.operators;

import io.millrace.operators.corpus.CorpusSource;
import io.millrace.operators.corpus.FileEndRouter;
import io.millrace.operators.corpus.FileRecordSerializer;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.CommitOperatorFactory;
import io.millrace.operators.corpus.output.FileEvent;
import io.millrace.operators.corpus.output.FileEventSerializer;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.corpus.output.StageOperatorFactory;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.WireType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Builds the job from input files of rows to output files of answers.
 *
 * <pre>
 *   files ──> rows ──> [inference] ──> stage ──> commit (one in the job)
 *                └────── ends of files ────────────^
 * </pre>
 */
public final class CorpusPipeline {
    private CorpusPipeline() {}

    /**
     * Adds the job to the environment, at its parallelism.
     *
     * @param files the input files; each output has the name of its input
     * @param output folder of the outputs, which all machines can reach
     */
    public static void build(
            StreamExecutionEnvironment env,
            List<InputFile> files,
            RequestTemplate template,
            OutputFolder output,
            PipelineOptions options) {
        String name = options.name();
        SingleOutputStreamOperator<Inbound> rows =
                env.fromSource(
                                Valved.source(new CorpusSource(files, template, name), options),
                                WatermarkStrategy.noWatermarks(),
                                "files",
                                FileRecordSerializer.TYPE)
                        .uid(name + "-files")
                        .process(new FileEndRouter())
                        .returns(WireType.INBOUND)
                        .name("rows")
                        .uid(name + "-rows");
        DataStream<FileEvent> staged =
                InferencePipeline.build(rows, options)
                        .transform(
                                "stage",
                                FileEventSerializer.TYPE,
                                new StageOperatorFactory(output, isBatch(files)))
                        .uid(name + "-stage");
        staged.union(rows.getSideOutput(FileEndRouter.ENDS))
                .transform(
                        "commit",
                        Types.VOID,
                        new CommitOperatorFactory(output, template.columns(), totalBytes(files)))
                .uid(name + "-commit")
                .setParallelism(1)
                .setMaxParallelism(1);
    }

    private static long totalBytes(List<InputFile> files) {
        long bytes = 0;
        try {
            for (InputFile file : files) {
                bytes += file.uncompressedBytes();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("The input files cannot be read.", e);
        }
        return bytes;
    }

    /** Whether the files are OpenAI's batches, all of them or none. */
    private static boolean isBatch(List<InputFile> files) {
        long batches =
                files.stream()
                        .filter(file -> file.format().rows() == FileFormat.Rows.OPENAI_BATCH)
                        .count();
        if (batches > 0 && batches < files.size()) {
            throw new IllegalArgumentException(
                    "%d of %d files are batches of OpenAI's: one job answers batches or other files."
                            .formatted(batches, files.size()));
        }
        return batches > 0;
    }
}
