package io.millrace.operators.kafka.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

public class KafkaSettingsTest {

    public static KafkaSettings.Builder settings() {
        return KafkaSettings.builder()
                .bootstrapServers("127.0.0.1:9092")
                .topics("in-1", "in-2")
                .outputTopic("out")
                .deadLetterTopic("dead")
                .applicationId("app");
    }

    public static TopicLimits limits(int output, int deadLetter, int producer) {
        return new TopicLimits(
                topic("out", output),
                topic("dead", deadLetter),
                producer,
                60_000,
                new TreeMap<>(Map.of("in", 3)));
    }

    private static TopicLimits.Topic topic(String name, int bytes) {
        return new TopicLimits.Topic(name, 3, bytes, false, Long.MAX_VALUE, 3_600_000);
    }

    @Test
    void showsNoSecretAndNoUnknownSetting() {
        String text =
                settings()
                        .client("sasl.jaas.config", "Login required password=\"s3cret-1\";")
                        .client("ssl.key.password", "s3cret-2")
                        .client("my.login.handler.pass", "s3cret-3")
                        .client("security.protocol", "SASL_SSL")
                        .format(
                                FormatSettings.confluent(
                                        RegistrySettings.of("http://u:s3cret-4@127.0.0.1:8081")))
                        .build()
                        .toString();
        assertThat(text)
                .doesNotContain("s3cret")
                .contains("sasl.jaas.config=***", "security.protocol=SASL_SSL");
    }

    @Test
    void travelsToTheCluster() throws Exception {
        KafkaSettings settings =
                settings()
                        .client("ssl.protocol", "TLSv1.3")
                        .start(StartingPoint.timestamp(17))
                        .build();
        assertThat(InstantiationUtil.clone(settings)).isEqualTo(settings);
    }

    @Test
    void refusesWhatCannotWork() {
        assertThatThrownBy(() -> settings().deadLetterTopic("out").build())
                .hasMessageContaining("both out");
        assertThatThrownBy(() -> settings().topics("in-1").build())
                .hasMessageContaining("named twice");
        assertThatThrownBy(() -> settings().topicPattern("in-.*").build())
                .hasMessageContaining("give one of the two");
        assertThatThrownBy(() -> settings().applicationId("a.b").build())
                .hasMessageContaining("a.b");
        assertThatThrownBy(() -> settings().applicationId(" ").build())
                .hasMessageContaining("application id");
        assertThatThrownBy(() -> settings().delivery(DeliveryGuarantee.NONE).build())
                .hasMessageContaining("exactly-once or at-least-once");
        assertThatThrownBy(
                        () ->
                                KafkaSettings.builder()
                                        .topicPattern("in-[")
                                        .outputTopic("out")
                                        .deadLetterTopic("dead")
                                        .applicationId("app")
                                        .build())
                .hasMessageContaining("'in-[' is not a regular expression");
    }

    @Test
    void givesEachClientWhatItKnowsAndWhatNobodyKnows() {
        Map<String, String> client =
                Map.of(
                        "security.protocol", "SSL",
                        "max.request.size", "5000",
                        "max.poll.records", "17",
                        "my.login.handler.pass", "x");
        Properties consumer = ClientProperties.consumer("a:1", client);
        Properties producer = ClientProperties.producer("a:1", client);
        Properties admin = ClientProperties.admin("a:1", client);
        assertThat(consumer)
                .containsOnlyKeys(
                        "bootstrap.servers",
                        "isolation.level",
                        "security.protocol",
                        "max.poll.records",
                        "my.login.handler.pass")
                .containsEntry("isolation.level", "read_committed");
        assertThat(producer)
                .containsOnlyKeys(
                        "bootstrap.servers",
                        "security.protocol",
                        "max.request.size",
                        "my.login.handler.pass");
        assertThat(admin)
                .containsOnlyKeys(
                        "bootstrap.servers", "security.protocol", "my.login.handler.pass");
    }

    @Test
    void sourceAndSinkAreBuiltAndTravelToTheCluster() throws Exception {
        for (DeliveryGuarantee delivery :
                new DeliveryGuarantee[] {
                    DeliveryGuarantee.EXACTLY_ONCE, DeliveryGuarantee.AT_LEAST_ONCE
                }) {
            KafkaSettings settings = settings().delivery(delivery).bounded(true).build();
            InstantiationUtil.clone(KafkaPipes.source(settings));
            InstantiationUtil.clone(KafkaPipes.sink(settings, limits(5000, 5000, 5000)));
        }
    }
}
