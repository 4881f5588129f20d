package io.millrace.operators.kafka.sink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSettingsTest;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.record.Position;
import io.millrace.schemas.codec.FormatSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class HeaderRulesTest {

    private static final RunFacts FACTS = new RunFacts(1, 2, 3, 1_700_000_000_123L, 5, 6);

    private static final String[] EVENT = {
        "ce_specversion=1.0",
        "ce_id=17",
        "ce_source=/orders",
        "ce_type=com.example.order",
        "ce_time=2026-11-29T00:00:00Z",
        "ce_dataschema=https://example.com/order.json",
        "ce_subject=order 17",
        "ce_tenant=a",
        "content-type=application/cloudevents+json"
    };

    private static Origin origin(String... headers) {
        List<Origin.Header> parsed =
                Stream.of(headers)
                        .map(h -> h.split("=", 2))
                        .map(h -> new Origin.Header(h[0], h[1].getBytes(UTF_8)))
                        .toList();
        return new Origin("in", new Position.InPartition(3, 97), 54_000, null, parsed, new byte[0]);
    }

    private static List<String> shown(List<Origin.Header> headers) {
        return headers.stream().map(h -> h.name() + "=" + new String(h.value(), UTF_8)).toList();
    }

    private static List<String> result(KafkaSettings.Builder settings, String... headers) {
        return shown(new HeaderRules(settings.build()).ofResult(origin(headers), FACTS));
    }

    private static List<String> failure(KafkaSettings.Builder settings, String... headers) {
        return shown(new HeaderRules(settings.build()).ofFailure(origin(headers), FACTS));
    }

    @Test
    void copiesTheUsersOwnInTheirOrderWithRepetitions() {
        String[] own = {"traceparent=00-1", "b=1", "b=2", "a=", "b3=x", "ce_mine=1", "kafka_id=1"};
        assertThat(result(KafkaSettingsTest.settings(), own)).containsExactly(own);
        assertThat(failure(KafkaSettingsTest.settings(), own)).containsExactly(own);
    }

    @Test
    void keepsWhatNamesTheEncodingOfTheKeyWhichIsCopied() {
        String[] own = {"__key_schema_id=\u0001guid", "__Key_TypeId__=com.example.Key"};
        assertThat(result(KafkaSettingsTest.settings(), own)).containsExactly(own);
    }

    @Test
    void dropsWhatNamesTheEncodingOfTheValueAndKeepsItBesideTheOriginal() {
        String[] names = {
            "__value_schema_id=\u0001guid",
            "Content-Type=text/csv",
            "contentType=text/csv",
            "content-encoding=gzip",
            "__TypeId__=com.example.Prompt",
            "__ContentTypeId__=com.example.Part",
            "__KeyTypeId__=java.lang.String"
        };
        KafkaSettings.Builder avro = KafkaSettingsTest.settings().format(FormatSettings.AVRO);
        assertThat(result(avro, names)).isEmpty();
        assertThat(failure(avro, names))
                .containsExactly(
                        Stream.of(names).map("millrace.original."::concat).toArray(String[]::new));
    }

    @Test
    void aJsonValueSaysSoWhereItsRequestSaidWhatItWas() {
        assertThat(result(KafkaSettingsTest.settings(), "content-type=text/csv"))
                .containsExactly("content-type=application/json");
    }

    @Test
    void anAnswerToAnEventIsAnEventOfItsOwn() {
        KafkaSettings.Builder settings = KafkaSettingsTest.settings().applicationId("triage");
        assertThat(result(settings, EVENT))
                .containsExactly(
                        "ce_subject=order 17",
                        "ce_tenant=a",
                        "ce_specversion=1.0",
                        "ce_id=in/3/97",
                        "ce_source=/millrace/triage",
                        "ce_type=io.millrace.result",
                        "ce_time=2023-11-14T22:13:20.123Z",
                        "ce_causationid=17",
                        "content-type=application/json");
        assertThat(failure(settings, EVENT))
                .contains("ce_type=io.millrace.failure", "ce_causationid=17");
    }

    @Test
    void anAnswerToAnEventThatWasMadeOfOthersIsNamedByItsRequest() {
        Origin read = origin(EVENT);
        Origin made =
                new Origin("t", new Position.Made("r 5"), 1, null, read.headers(), read.value());
        assertThat(
                        shown(
                                new HeaderRules(KafkaSettingsTest.settings().build())
                                        .ofResult(made, FACTS)))
                .contains("ce_id=t/r 5");
    }

    @Test
    void dropsWhatTheUserWantsDroppedAndWhatIsOurs() {
        KafkaSettings.Builder settings = KafkaSettingsTest.settings().dropHeaders("ce_.*|secret");
        assertThat(result(settings, EVENT)).containsExactly("content-type=application/json");
        assertThat(
                        result(
                                settings,
                                "secret=1",
                                "secret-2=1",
                                "millrace.attempts=9",
                                "millrace.original.x=9"))
                .containsExactly("secret-2=1");
    }

    @Test
    void theTableOfTheDocumentNamesThem() throws Exception {
        String formats = Files.readString(Path.of("..", "docs", "formats.md"));
        for (String name : HeaderRules.named()) {
            assertThat(formats).contains("`" + name + "`");
        }
    }
}
