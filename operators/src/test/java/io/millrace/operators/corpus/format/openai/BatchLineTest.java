package io.millrace.operators.corpus.format.openai;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A line is a request to an endpoint, or is refused by the field that is wrong. */
class BatchLineTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'method':'POST'} | MISSING_ID | custom_id is missing: it must be a text of its own",
                "{'custom_id':7} | MISSING_ID | custom_id is 7: it must be a text of its own",
                "{'custom_id':''} | MISSING_ID | custom_id is empty: give each line its own",
                "{'custom_id':'a','methd':'POST'} | UNKNOWN_FIELD | unknown field methd: a line of a batch has custom_id, method, url and body",
                "{'custom_id':'a','method':'GET'} | INVALID_PARAMETER | method is \"GET\": it must be POST",
                "{'custom_id':'a','method':'POST'} | INVALID_PARAMETER | url is missing: it must be /v1/chat/completions and /v1/completions",
                "{'custom_id':'a','method':'POST','url':'/v1/embeddings'} | UNSUPPORTED | url is \"/v1/embeddings\": this release answers /v1/chat/completions and /v1/completions",
                "{'custom_id':'a','method':'POST','url':'/v1/completions','body':[]} | INVALID_PARAMETER | body is []: it must be an object",
                "{'custom_id':'\\ud83d'} | INVALID_PARAMETER | custom_id has one half of a surrogate pair, which is not a character",
                "{'custom_id':'a','custom_id':'b'} | UNREADABLE | not valid JSON: Duplicate field 'custom_id'",
            })
    void whatIsNoLineIsRefused(String line, FailureCode code, String message) {
        CodecException e =
                catchThrowableOfType(
                        CodecException.class,
                        () -> BatchLine.read(line.replace('\'', '"').getBytes(UTF_8)));
        assertThat(e).hasMessage(message);
        assertThat(e.code()).isEqualTo(code);
    }
}
