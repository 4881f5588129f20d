package io.millrace.jobs;

import io.millrace.operators.InferencePipeline;
import io.millrace.operators.PipelineOptions;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.KafkaSettings;
import io.millrace.operators.kafka.TopicLimits;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The streaming job: prompts from Kafka, answers and failures to Kafka. */
final class StreamingJob {
    private StreamingJob() {}

    /** Adds the job to the environment. */
    static void define(
            StreamExecutionEnvironment environment,
            PipelineOptions pipeline,
            KafkaSettings kafka,
            TopicLimits limits,
            int parallelism) {
        environment.setParallelism(parallelism);
        InferencePipeline.build(environment, KafkaPipes.source(kafka), "requests", pipeline)
                .sinkTo(KafkaPipes.sink(kafka, limits))
                .name("answers")
                .uid(pipeline.name() + "-sink");
    }
}
