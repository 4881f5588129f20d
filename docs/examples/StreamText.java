import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.engine.Engine;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers e-mails together, and prints each answer while it is written: StreamText MODEL TEXT...
 */
public final class StreamText {
    private StreamText() {}

    public static void main(String[] arguments) throws Exception {
        try (Engine engine = Engine.open(EngineOptions.of(arguments[0]))) {
            // The model's own end token and stop strings end an answer, too; none is ever shown.
            SamplingParameters sampling =
                    SamplingParameters.builder().maxTokens(24).stop(List.of("\n")).build();
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 1; i < arguments.length; i++) {
                String prompt = arguments[i] + "\n\n### Triage\n";
                int[] tokens = engine.tokenizer().encode(prompt);
                requests.add(GenerationRequest.of("mail-" + i, tokens, sampling));
            }
            List<GenerationResult> results =
                    engine.complete(
                            requests,
                            (request, completion, text) ->
                                    System.out.println(request.id() + " ... " + text));
            for (GenerationResult result : results) {
                System.out.println(result.id() + " = " + result.completions().get(0).text());
            }
        }
    }
}
