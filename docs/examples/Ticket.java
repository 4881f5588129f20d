import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.InferenceRequest;
import java.time.Instant;
import java.util.Map;

/**
 * What the jobs beside this file read.
 *
 * @param plan of the customer; null until it is looked up
 */
public record Ticket(String id, long time, String customer, String text, String plan) {

    /** Of a line such as {@code 17;2026-11-30T00:00:00Z;acme;Please send the invoice again}. */
    static Ticket parse(String line) {
        String[] fields = line.split(";", 4);
        return new Ticket(
                fields[0], Instant.parse(fields[1]).toEpochMilli(), fields[2], fields[3], null);
    }

    Ticket withPlan(String found) {
        return new Ticket(id, time, customer, text, found);
    }

    /** The request: ids are unique among what is in flight, metadata come back with the answer. */
    Inbound request() {
        return Inbound.of(
                "tickets",
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setPrompt(text + "\n\n### Triage\n")
                        .setMaxTokens(24)
                        .setMetadata(Map.of("customer", customer, "plan", plan))
                        .build(),
                time);
    }

    /** An answer, or why there is none: both come in one stream. */
    static String line(Outcome outcome) {
        if (outcome instanceof Outcome.Answered answered) {
            return answered.result().getId()
                    + " "
                    + answered.result().getMetadata().get("plan")
                    + " "
                    + answered.result().getCompletions().get(0).getText();
        }
        Outcome.Failed failed = (Outcome.Failed) outcome;
        return failed.id() + " " + failed.code() + ": " + failed.message();
    }
}
