package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.registry.RegistryException;
import io.millrace.schemas.codec.registry.RegistrySettings;
import io.millrace.schemas.codec.registry.TlsStores;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ConfluentCodecTest {

    private TestingRegistry registry;
    private RecordCodec<InferenceRequest> codec;

    @BeforeEach
    void start() throws Exception {
        registry = new TestingRegistry();
        codec = open(RegistrySettings.of(registry.url() + "/"));
    }

    @AfterEach
    void stop() {
        registry.close();
    }

    private static RecordCodec<InferenceRequest> open(RegistrySettings settings) {
        return RecordCodec.open(
                RecordType.REQUEST, FormatSettings.confluent(settings), "prompts/a b");
    }

    @Test
    void registersOnceAndReadsWhatItWrote() throws Exception {
        codec.prepare();
        byte[] bytes = codec.encode(Samples.fullRequest());
        codec.encode(Samples.smallRequest());
        assertThat(bytes).startsWith(0);
        assertThat(ByteBuffer.wrap(bytes).getInt(1)).isEqualTo(100_000);
        assertThat(codec.decode(bytes)).isEqualTo(Samples.fullRequest());
        assertThat(codec.decode(bytes)).isEqualTo(Samples.fullRequest());
        assertThat(registry.requests())
                .containsExactly(
                        "POST /subjects/prompts%2Fa%20b-value/versions", "GET /schemas/ids/100000");
    }

    @Test
    void readsARecordOfSomebodyElsesSchemaThatHasOurFields() throws Exception {
        registry.put(
                7,
                "{\"type\":\"record\",\"name\":\"Ask\",\"namespace\":\"other\",\"fields\":["
                        + "{\"name\":\"prompt\",\"type\":\"string\"},{\"name\":\"id\",\"type\":\"string\"}"
                        + "]}",
                null);
        byte[] bytes = {0, 0, 0, 0, 7, 4, 'h', 'i', 2, '1'};
        assertThat(codec.decode(bytes)).isEqualTo(Samples.smallRequest());
    }

    @Test
    void readsTheSchemaThatTheHeaderNamesAndThenNoPrefix() throws Exception {
        UUID guid = UUID.fromString("8d5a4b6e-0f3c-4f7a-9a51-0123456789ab");
        registry.put(
                guid,
                "{\"type\":\"record\",\"name\":\"Ask\",\"namespace\":\"other\",\"fields\":["
                        + "{\"name\":\"prompt\",\"type\":\"string\"},{\"name\":\"id\",\"type\":\"string\"}"
                        + "]}");
        byte[] value = {4, 'h', 'i', 2, '1'};
        assertThat(codec.decode(value, header(guid))).isEqualTo(Samples.smallRequest());
        assertThat(codec.decode(value, header(guid))).isEqualTo(Samples.smallRequest());
        assertThat(registry.requests()).containsExactly("GET /schemas/guids/" + guid);
        byte[] ours = codec.encode(Samples.fullRequest());
        byte[] number = Arrays.copyOf(ours, 5);
        assertThat(codec.decode(Arrays.copyOfRange(ours, 5, ours.length), number))
                .isEqualTo(Samples.fullRequest());
        assertThat(codec.decode(ours, null)).isEqualTo(Samples.fullRequest());
    }

    @Test
    void namesAGuidThatTheRegistryDoesNotHaveAndAHeaderThatIsNone() {
        UUID guid = new UUID(17, 54);
        byte[] value = codec.encode(Samples.smallRequest());
        CodecException unknown =
                catchThrowableOfType(CodecException.class, () -> codec.decode(value, header(guid)));
        assertThat(unknown.code()).isEqualTo(FailureCode.UNKNOWN_SCHEMA);
        assertThat(unknown).hasMessageContaining("schema GUID " + guid);
        for (byte[] header : List.of(new byte[0], new byte[] {1, 2}, new byte[17], new byte[18])) {
            CodecException e =
                    catchThrowableOfType(CodecException.class, () -> codec.decode(value, header));
            assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
            assertThat(e)
                    .hasMessageContaining(
                            "the __value_schema_id header has " + header.length + " bytes");
        }
    }

    private static byte[] header(UUID guid) {
        return ByteBuffer.allocate(17)
                .put((byte) 1)
                .putLong(guid.getMostSignificantBits())
                .putLong(guid.getLeastSignificantBits())
                .array();
    }

    @Test
    void sendsABearerTokenAndNeverShowsIt() throws Exception {
        registry.demand("Bearer t0ken");
        RegistrySettings settings =
                RegistrySettings.of(registry.url())
                        .with(
                                Map.of(
                                        "bearer.auth.credentials.source",
                                        "STATIC_TOKEN",
                                        "schema.registry.bearer.auth.token",
                                        "t0ken"));
        assertThat(settings.toString()).doesNotContain("t0ken");
        RecordCodec<InferenceRequest> allowed = open(settings);
        assertThat(allowed.decode(allowed.encode(Samples.smallRequest())))
                .isEqualTo(Samples.smallRequest());
        assertThatThrownBy(() -> codec.encode(Samples.smallRequest()))
                .hasMessageContaining("HTTP 401): check user and password, or the token");
    }

    @Test
    void refusesRegistrySettingsThatItDoesNotRead() {
        RegistrySettings plain = RegistrySettings.of("http://127.0.0.1:1");
        assertThatThrownBy(() -> plain.with(Map.of("bearer.auth.issuer.endpoint.url", "x")))
                .hasMessageContaining("bearer.auth.issuer.endpoint.url is not one of");
        assertThatThrownBy(() -> plain.with(Map.of("ssl.truststore.location", "/x")))
                .hasMessageContaining("is not https");
        assertThatThrownBy(
                        () ->
                                plain.with(
                                        Map.of(
                                                "basic.auth.user.info", "u:p",
                                                "bearer.auth.token", "t")))
                .hasMessageContaining("give one of them");
    }

    @Test
    void trustsWhomTheStoreHoldsAndShowsItsOwnCertificate(@TempDir Path folder) throws Exception {
        Path store = folder.resolve("store.p12");
        Process keytool =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-alias",
                                "registry",
                                "-keyalg",
                                "EC",
                                "-dname",
                                "CN=localhost",
                                "-ext",
                                "san=ip:127.0.0.1",
                                "-storetype",
                                "PKCS12",
                                "-keystore",
                                store.toString(),
                                "-storepass",
                                "s3cret-97")
                        .redirectErrorStream(true)
                        .start();
        String told = new String(keytool.getInputStream().readAllBytes(), UTF_8);
        assertThat(keytool.waitFor()).as(told).isZero();
        String path = store.toString();
        TlsStores both = new TlsStores(path, "s3cret-97", path, "s3cret-97");
        try (TestingRegistry secured = new TestingRegistry(both.context(), true)) {
            RegistrySettings settings =
                    RegistrySettings.of(secured.url())
                            .with(
                                    Map.of(
                                            "ssl.truststore.location",
                                            path,
                                            "ssl.truststore.password",
                                            "s3cret-97",
                                            "ssl.keystore.location",
                                            path,
                                            "ssl.keystore.password",
                                            "s3cret-97"));
            assertThat(settings.toString()).doesNotContain("s3cret");
            assertThat(settings.tls().toString()).doesNotContain("s3cret");
            RecordCodec<InferenceRequest> allowed = open(settings);
            assertThat(allowed.decode(allowed.encode(Samples.smallRequest())))
                    .isEqualTo(Samples.smallRequest());
            assertThatThrownBy(
                            () ->
                                    open(RegistrySettings.of(secured.url()))
                                            .encode(Samples.smallRequest()))
                    .isInstanceOf(RegistryException.class)
                    .hasMessageContaining("no TLS with schema registry " + secured.url())
                    .hasMessageContaining("ssl.truststore.location");
        }
        assertThatThrownBy(() -> new TlsStores(path, "wrong", null, null).context())
                .hasMessageContaining("cannot read " + path);
        assertThatThrownBy(() -> new TlsStores("/no/such", null, null, null).context())
                .hasMessageContaining("there is no such file");
    }

    @Test
    void namesAnUnknownIdAndDoesNotAskForItAgainAtOnce() {
        for (int i = 0; i < 17; i++) {
            CodecException e = refusal(0, 0, 0, 1, 2, 0);
            assertThat(e.code()).isEqualTo(FailureCode.UNKNOWN_SCHEMA);
            assertThat(e).hasMessageContaining("schema id 258 is not in the schema registry");
        }
        assertThat(registry.requests()).containsExactly("GET /schemas/ids/258");
    }

    @Test
    void refusesWhatIsNotItsFormat() {
        assertThat(refusal('{', '"', 'i', 'd', '"').getMessage())
                .contains("not Confluent's wire format");
        assertThat(refusal(0, 0, 0).code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(refusal().code()).isEqualTo(FailureCode.UNREADABLE);
    }

    @Test
    void refusesSchemasThatAreNoAvroRequests() {
        registry.put(1, "syntax = \"proto3\";", "PROTOBUF");
        registry.put(2, "{\"type\":\"rec", null);
        registry.put(3, "\"string\"", "AVRO");
        registry.put(4, "{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}", null);
        assertThat(refusal(0, 0, 0, 0, 1).getMessage()).contains("is of type PROTOBUF");
        assertThat(refusal(0, 0, 0, 0, 2).getMessage()).contains("schema id 2 is not valid Avro");
        assertThat(refusal(0, 0, 0, 0, 3, 2, 'a').getMessage()).contains("does not resolve");
        assertThat(refusal(0, 0, 0, 0, 4).getMessage()).contains("does not resolve");
    }

    @Test
    void namesTheFieldThatDoesNotResolveAndKeepsTheId() {
        registry.put(
                1,
                """
                {"type":"record","name":"R","fields":[{"name":"id","type":"string"},
                 {"name":"prompt","type":["null","string"]},
                 {"name":"max_tokens","type":["null","string"]}]}""",
                null);
        CodecException e = refusal(0, 0, 0, 0, 1, 2, '7', 2, 2, 'a', 2, 4, '1', '6');
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(e.id()).isEqualTo("7");
        assertThat(e)
                .hasMessageContaining(
                        "schema R does not resolve to a request in field max_tokens: ");
        // The same schema with nothing in that field resolves.
        assertThat(
                        catchThrowable(
                                () ->
                                        codec.decode(
                                                new byte[] {0, 0, 0, 0, 1, 2, '7', 2, 2, 'a', 0})))
                .isNull();
        registry.put(
                2,
                """
                {"type":"record","name":"R","fields":[
                 {"name":"messages","type":{"type":"array","items":
                  {"type":"record","name":"M","fields":[
                   {"name":"role","type":"string"},{"name":"content","type":"int"}]}}},
                 {"name":"id","type":["null","string"]}]}""",
                null);
        e = refusal(0, 0, 0, 0, 2, 2, 2, 'u', 8, 0, 2, 2, '8');
        assertThat(e.id()).isEqualTo("8");
        assertThat(e).hasMessageContaining("in field messages.content: ");
        registry.put(
                3,
                "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}",
                null);
        e = refusal(0, 0, 0, 0, 3, 34);
        assertThat(e.id()).isEqualTo("17");
        assertThat(e).hasMessageContaining("in field id: ");
    }

    @Test
    void refusesBytesThatAreLeftOver() {
        byte[] bytes = codec.encode(Samples.smallRequest());
        CodecException e =
                catchThrowableOfType(
                        CodecException.class,
                        () -> codec.decode(Arrays.copyOf(bytes, bytes.length + 1)));
        assertThat(e).hasMessageContaining("1 bytes are left over");
        assertThat(e.id()).isEqualTo("1");
    }

    @Test
    void asksAgainWhereTheRegistryIsBusy() throws Exception {
        byte[] bytes = codec.encode(Samples.smallRequest());
        registry.failNext(2);
        assertThat(codec.decode(bytes)).isEqualTo(Samples.smallRequest());
        registry.failNext(3);
        assertThatThrownBy(() -> open(RegistrySettings.of(registry.url())).decode(bytes))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("HTTP 503");
    }

    @Test
    void blamesTheRegistryNotTheRecordWhereItDoesNotAnswer() {
        byte[] bytes = codec.encode(Samples.smallRequest());
        String url = registry.url();
        registry.close();
        assertThatThrownBy(() -> codec.decode(bytes))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("schema registry " + url)
                .hasMessageContaining("does not answer");
    }

    @Test
    void blamesTheAddressWhereSomethingElseAnswers() {
        RecordCodec<InferenceRequest> lost = open(RegistrySettings.of(registry.url() + "/api"));
        assertThatThrownBy(() -> lost.decode(new byte[] {0, 0, 0, 0, 1}))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("HTTP 404");
    }

    @Test
    void sendsUserAndPasswordAndNeverShowsThePassword() throws Exception {
        registry.demand("Basic dTpwQHNz");
        String url = registry.url().replace("http://", "http://u:p%40ss@");
        RegistrySettings settings = RegistrySettings.of(url);
        assertThat(settings.toString()).doesNotContain("p@ss", "p%40ss");
        RecordCodec<InferenceRequest> allowed = open(settings);
        assertThat(allowed.decode(allowed.encode(Samples.smallRequest())))
                .isEqualTo(Samples.smallRequest());
        assertThatThrownBy(
                        () ->
                                open(settings.withCredentials("u", "wrong"))
                                        .encode(Samples.smallRequest()))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("HTTP 401): check user and password");
    }

    @Test
    void saysThatTheRegistryDoesNotTakeOurSchema() {
        registry.refuseSchemas(409);
        assertThatThrownBy(codec::prepare)
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("does not take our schema for subject prompts/a b-value")
                .hasMessageContaining("incompatible");
    }

    private CodecException refusal(int... bytes) {
        byte[] all = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            all[i] = (byte) bytes[i];
        }
        CodecException e = catchThrowableOfType(CodecException.class, () -> codec.decode(all));
        assertThat(e).isNotNull();
        return e;
    }
}
