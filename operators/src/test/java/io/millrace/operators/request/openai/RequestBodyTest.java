package io.millrace.operators.request.openai;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a body asks for is in the request, or is refused by name. */
class RequestBodyTest {
    private static final String MESSAGES = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'model':'m' | 'model':'m'",
                "'max_tokens':17 | 'max_tokens':17",
                "'max_completion_tokens':17 | 'max_tokens':17",
                "'max_tokens':17,'max_completion_tokens':17 | 'max_tokens':17",
                "'max_tokens':null,'max_completion_tokens':9 | 'max_tokens':9",
                "'stop':'END' | 'stop':'END'",
                "'stop':['a','b'] | 'stop':['a','b']",
                "'n':2,'seed':3,'temperature':0.5,'top_p':0.9 | 'n':2,'seed':3,'temperature':0.5,'top_p':0.9",
                "'presence_penalty':1,'frequency_penalty':-1 | 'presence_penalty':1,'frequency_penalty':-1",
                "'logit_bias':{'54':-100} | 'logit_bias':{'54':-100}",
                "'response_format':{'type':'json_object'} | 'response_format':{'type':'json_object'}",
                "'top_k':4,'min_p':0.1,'ignore_eos':true | 'top_k':4,'min_p':0.1,'ignore_eos':true",
                "'chat_template_kwargs':{'a':true},'stop_token_ids':[1] | 'chat_template_kwargs':{'a':true},'stop_token_ids':[1]",
                "'user':'u','metadata':{'a':'b'},'store':true,'service_tier':'flex' | ",
                "'stream_options':{'include_usage':true},'safety_identifier':'s' | ",
                "'stop':null,'seed':null,'n':null,'max_tokens':null,'prompt':null | ",
                "'stream':false,'logprobs':false,'top_logprobs':0,'modalities':['text'] | ",
                "'tools':[],'functions':[],'function_call':'none' | ",
                "'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':'required','parallel_tool_calls':false | 'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':'required','parallel_tool_calls':false",
                "'tool_choice':{'type':'function','function':{'name':'f'}} | 'tool_choice':{'type':'function','function':{'name':'f'}}",
                "'tools':null,'stream_options':null,'audio':null,'reasoning_effort':null | ",
            })
    void aChatBodyIsARequest(String body, String request) throws Exception {
        String more = request == null ? "" : "," + json(request);
        assertThat(request(Endpoint.CHAT, MESSAGES + "," + json(body)))
                .isEqualTo("{\"id\":\"row\"," + MESSAGES + more + "}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'prompt':'hi' | 'prompt':'hi'",
                "'prompt':['hi'] | 'prompt':'hi'",
                "'prompt':[1,2] | 'prompt_token_ids':[1,2]",
                "'prompt':[[1,2]] | 'prompt_token_ids':[1,2]",
                "'prompt':'hi','max_tokens':9,'echo':false,'suffix':'','best_of':1 | 'prompt':'hi','max_tokens':9",
                "'prompt':'hi','n':3,'best_of':3,'logprobs':null | 'prompt':'hi','n':3",
                "'prompt':'hi','best_of':null,'logprobs':false | 'prompt':'hi'",
                "'messages':null,'prompt':'hi','max_completion_tokens':9 | 'prompt':'hi','max_tokens':9",
            })
    void aCompletionsBodyIsARequest(String body, String request) throws Exception {
        assertThat(request(Endpoint.COMPLETIONS, json(body)))
                .isEqualTo("{\"id\":\"row\"," + json(request) + "}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'stream':true | UNSUPPORTED | stream is true, which this release does not have: leave it out",
                "'logprobs':true | UNSUPPORTED | logprobs is true, which this release does not have: leave it out",
                "'top_logprobs':5 | UNSUPPORTED | top_logprobs is 5, which this release does not have: leave it out",
                "'functions':[{'name':'f'}] | UNSUPPORTED | functions is [{\"name\":\"f\"}], which this release does not have: leave it out",
                "'best_of':2 | UNSUPPORTED | best_of is 2, which this release does not have: leave it out",
                "'function_call':{'name':'f'} | UNSUPPORTED | function_call is {\"name\":\"f\"}, which this release does not have: leave it out",
                "'modalities':['text','audio'] | UNSUPPORTED | modalities is [\"text\",\"audio\"], which this release does not have: leave it out",
                "'reasoning_effort':'low' | UNSUPPORTED | reasoning_effort is \"low\", which this release does not have: leave it out",
                "'max_token':5 | UNKNOWN_FIELD | unknown field max_token: did you mean max_tokens?",
                "'prompt':'x' | UNKNOWN_FIELD | unknown field prompt: leave it out",
                "'max_completion_tokens':0 | INVALID_PARAMETER | max_completion_tokens is 0: it must be a whole number from 1 on",
                "'max_tokens':1,'max_completion_tokens':2 | INVALID_PARAMETER | max_tokens and max_completion_tokens say 1 and 2: give one of them",
            })
    void whatIsNotThereIsRefusedByName(String body, FailureCode code, String message) {
        refused(Endpoint.CHAT, MESSAGES + "," + json(body), code, message);
    }

    /** As a program leaves it that cut an emoji in two. */
    @Test
    void halfASurrogatePairArrivesAndIsRefused() throws Exception {
        byte[] request = bytes(Endpoint.COMPLETIONS, json("'prompt':'\\ud83d \u2615'"));
        assertThat(new String(request, UTF_8)).contains("\\uD83D \\u2615");
        assertThatThrownBy(
                        () ->
                                RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null)
                                        .decode(request))
                .isInstanceOf(CodecException.class)
                .hasMessageContaining("surrogate pair");
    }

    @Test
    void completionsHaveOnePromptAndNoEcho() {
        Endpoint endpoint = Endpoint.COMPLETIONS;
        refused(
                endpoint,
                json("'prompt':['a','b']"),
                FailureCode.UNSUPPORTED,
                "prompt has 2 prompts: give each a request of its own");
        refused(
                endpoint,
                json("'prompt':'a','echo':true"),
                FailureCode.UNSUPPORTED,
                "echo is true, which this release does not have: leave it out");
        refused(
                endpoint,
                json("'prompt':'a','best_of':3"),
                FailureCode.UNSUPPORTED,
                "best_of is 3, which this release does not have: leave it out");
        refused(
                endpoint,
                json("'prompt':'a','logprobs':0"),
                FailureCode.UNSUPPORTED,
                "logprobs is 0, which this release does not have: leave it out");
        refused(
                endpoint,
                json("'prompt':null"),
                FailureCode.EMPTY_PROMPT,
                "body has no prompt: give it what is to be answered");
    }

    @Test
    void aBodyTellsItsEndpoint() throws Exception {
        assertThat(Endpoint.of(body(MESSAGES))).isEqualTo(Endpoint.CHAT);
        assertThat(Endpoint.of(body(json("'messages':null,'prompt':'x'"))))
                .isEqualTo(Endpoint.COMPLETIONS);
        refused(
                Endpoint.of(body(json("'mesages':[]"))),
                json("'mesages':[]"),
                FailureCode.UNKNOWN_FIELD,
                "unknown field mesages: did you mean messages?");
    }

    private static void refused(Endpoint endpoint, String body, FailureCode code, String message) {
        CodecException e =
                catchThrowableOfType(CodecException.class, () -> request(endpoint, body));
        assertThat(e).hasMessage(message);
        assertThat(e.code()).isEqualTo(code);
    }

    private static String request(Endpoint endpoint, String body) throws Exception {
        return new JsonMapper().readTree(bytes(endpoint, body)).toString();
    }

    private static byte[] bytes(Endpoint endpoint, String body) throws Exception {
        return RequestBody.request(body(body), endpoint, "row");
    }

    private static ObjectNode body(String fields) throws Exception {
        return (ObjectNode) new JsonMapper().readTree("{" + fields + "}");
    }

    /** Quotes are written as apostrophes. */
    private static String json(String text) {
        return text.replace('\'', '"');
    }
}
