package io.millrace.operators.kafka.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class OwnedSettingTest {

    static Stream<OwnedSetting> owned() {
        return OwnedSetting.all().stream();
    }

    @ParameterizedTest
    @MethodSource("owned")
    void eachOfTheTableDoesWhatItSays(OwnedSetting setting) {
        switch (setting.rule()) {
            case MADE -> refused(setting.key(), "17").hasMessageContaining(setting.reason());
            case FIXED -> {
                refused(setting.key(), "17").hasMessageContaining("set it to " + setting.bound());
                settings(setting.key(), setting.bound());
            }
            case AT_MOST -> {
                long most = Long.parseLong(setting.bound());
                refused(setting.key(), "" + (most + 1)).hasMessageContaining("at most " + most);
                refused(setting.key(), "many").hasMessageContaining("is many, not a number");
                settings(setting.key(), setting.bound());
            }
            case AT_LEAST -> {
                // Bounds that are no numbers have a test of their own.
                if (setting.bound().matches("\\d+")) {
                    long least = Long.parseLong(setting.bound());
                    refused(setting.key(), "" + (least - 1))
                            .hasMessageContaining("at least " + least);
                    settings(setting.key(), setting.bound());
                }
            }
            case UNUSED ->
                    assertThat(settings(setting.key(), "17").notes())
                            .singleElement()
                            .asString()
                            .contains(setting.key(), "no effect", setting.reason());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"EXACTLY_ONCE", "AT_LEAST_ONCE"})
    void oneAcknowledgementIsTooFewForEitherDelivery(DeliveryGuarantee delivery) {
        assertThatThrownBy(
                        () ->
                                KafkaSettingsTest.settings()
                                        .delivery(delivery)
                                        .client("acks", "1")
                                        .build())
                .hasMessage(
                        "Kafka setting acks is 1, but a record that one broker alone has is lost"
                                + " with it: leave it away, or set it to all.");
        settings("acks", "-1");
    }

    @ParameterizedTest
    @CsvSource({
        "delivery.timeout.ms, 1000, 'is 1000, but a request would have no time'",
        "delivery.timeout.ms, soon, 'Invalid value soon for configuration delivery.timeout.ms'",
        "transaction.timeout.ms, many, 'Invalid value many'",
        "compression.type, zip, 'Invalid value zip'",
        "group.protocol, newest, 'Invalid value newest'",
        "max.poll.records, 0, 'Invalid value 0'",
    })
    void whatKafkaWouldRefuseInATaskIsRefusedBeforeThereIsAJob(
            String key, String value, String told) {
        // Nothing listens there: the settings are looked at before anybody is asked.
        KafkaSettings settings = settings(key, value);
        assertThatThrownBy(() -> TopicLimits.read(settings, 1))
                .isInstanceOf(KafkaSetupException.class)
                .hasMessageContaining(told);
    }

    @Test
    void settingsThatOneProtocolDoesNotTakeAreRefused() {
        KafkaSettings settings =
                KafkaSettingsTest.settings()
                        .client("group.protocol", "consumer")
                        .client("session.timeout.ms", "45000")
                        .build();
        assertThatThrownBy(() -> TopicLimits.read(settings, 1))
                .isInstanceOf(KafkaSetupException.class)
                .hasMessageContaining("session.timeout.ms cannot be set when group.protocol");
    }

    @Test
    void theProducerThatIsCheckedIsTheOneThatWrites() {
        KafkaSettings settings = settings("linger.ms", "17");
        TopicLimits limits = KafkaSettingsTest.limits(5000, 9000, 9000);
        assertThat(ClientProperties.sink(settings, limits, DeliveryGuarantee.EXACTLY_ONCE))
                .containsEntry("acks", "all")
                .containsEntry("enable.idempotence", "true")
                .containsEntry("linger.ms", "17")
                .containsEntry("batch.size", "5000")
                .containsEntry("retry.backoff.ms", "20")
                .containsEntry("transaction.timeout.ms", "60000");
        assertThat(ClientProperties.sink(settings, limits, DeliveryGuarantee.AT_LEAST_ONCE))
                .containsEntry("enable.idempotence", "true")
                .doesNotContainKey("transaction.timeout.ms");
        assertThat(
                        ClientProperties.sink(
                                settings("retry.backoff.ms", "97"),
                                limits,
                                DeliveryGuarantee.EXACTLY_ONCE))
                .containsEntry("retry.backoff.ms", "97");
        assertThatCode(() -> ClientProperties.check(settings)).doesNotThrowAnyException();
    }

    @Test
    void aNameThatNobodyKnowsIsNamed() {
        assertThat(settings("ssl.trustore.location", "/x").notes())
                .singleElement()
                .asString()
                .contains("ssl.trustore.location", "passed on")
                .doesNotContain("/x");
        assertThat(settings("partition.discovery.interval.ms", "10000").notes()).isEmpty();
        assertThat(settings("ssl.truststore.location", "/x").notes()).isEmpty();
        assertThat(settings("config.providers", "dir").notes()).isEmpty();
        assertThat(settings("config.providers.dir.param.allowed.paths", "/x").notes()).isEmpty();
    }

    private static KafkaSettings settings(String key, String value) {
        return KafkaSettingsTest.settings().client(Map.of(key, value)).build();
    }

    private static org.assertj.core.api.AbstractThrowableAssert<?, ?> refused(
            String key, String value) {
        return assertThatThrownBy(() -> settings(key, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Kafka setting " + key);
    }
}
