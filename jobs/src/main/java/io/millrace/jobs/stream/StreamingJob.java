package io.millrace.jobs.stream;

import io.millrace.operators.InferencePipeline;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.options.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The streaming job: prompts from Kafka, answers and failures to Kafka. */
public final class StreamingJob {
    private StreamingJob() {}

    /** Adds the job to the environment. */
    public static void define(
            StreamExecutionEnvironment environment,
            PipelineOptions pipeline,
            KafkaSettings kafka,
            TopicLimits limits,
            int parallelism) {
        environment.setParallelism(parallelism);
        InferencePipeline.build(
                        environment,
                        KafkaPipes.source(kafka),
                        "requests",
                        pipeline.withFailures(KafkaPipes.failures(kafka, limits)))
                .sinkTo(KafkaPipes.sink(kafka, limits))
                .name("answers")
                .uid(pipeline.name() + "-sink");
    }
}
