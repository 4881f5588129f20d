package io.millrace.jobs.stream;

import io.millrace.operators.InferencePipeline;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.options.PipelineOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The pipeline around a {@link TestingEngine} that is named like the application. */
final class TestingJob {

    private TestingJob() {}

    /** Answers bounded input in the cluster of the test. Fails if the job does: no restarts. */
    static void run(KafkaSettings settings, int parallelism) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(parallelism);
        env.enableCheckpointing(200);
        PipelineOptions options =
                PipelineOptions.builder(
                                TestingEngine.options(settings.applicationId()),
                                TestingEngine.loader())
                        .build();
        InferencePipeline.build(env, KafkaPipes.source(settings), "prompts", options)
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, parallelism)))
                .uid("answers");
        env.execute();
    }
}
