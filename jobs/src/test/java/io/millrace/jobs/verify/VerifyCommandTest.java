package io.millrace.jobs.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.jobs.TestingCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command verify on files: what it proves, and that each planted fault is found and named. */
@Timeout(180)
class VerifyCommandTest {
    private static final List<String> REQUESTS = TestingAnswers.requests(17);

    private static List<String> right;

    @TempDir Path folder;
    private final List<String> answers = new ArrayList<>();
    private TestingCommand command;

    @BeforeAll
    static void answer() throws Exception {
        right = TestingAnswers.of(REQUESTS);
    }

    @BeforeEach
    void takeAll() {
        answers.addAll(right);
    }

    private int verify(String... more) throws Exception {
        return verifyAll(REQUESTS, more);
    }

    private int verifyAll(List<String> requests, String... more) throws Exception {
        Path asked = Files.write(folder.resolve("requests.jsonl"), requests, UTF_8);
        Path answered = Files.write(folder.resolve("answers.jsonl"), answers, UTF_8);
        List<String> all =
                new ArrayList<>(
                        List.of(
                                "verify",
                                "--model=" + TestingAnswers.MODEL,
                                "--device=cpu",
                                "--requests=" + asked,
                                "--results=" + answered));
        all.addAll(List.of(more));
        command = TestingCommand.run(all);
        return command.exitCode();
    }

    @Test
    void answersInAnyOrderAreProvenInEachWay() throws Exception {
        Collections.reverse(answers);
        assertThat(verify()).as(command.all()).isZero();
        assertThat(command.lines())
                .anyMatch(line -> line.startsWith("Alone   17 of 17 answers equal: "))
                .anyMatch(line -> line.startsWith("Shuffled 17 of 17 answers equal: "))
                .anyMatch(line -> line.startsWith("Chunks  17 of 17 answers equal: 33 tokens"))
                .anyMatch(line -> line.startsWith("Subtasks 17 of 17 answers equal: "))
                .anyMatch(line -> line.contains("proven: each request has its one answer"));
    }

    @Test
    void answersOfAJobWithAConstraintAreProvenWithItAlone() throws Exception {
        List<String> requests = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            String own = i == 3 ? ",\"response_format\":{\"type\":\"json_object\"}" : "";
            requests.add(
                    "{\"id\":\"%d\",\"prompt\":\"Dear friend\",\"max_tokens\":17,\"temperature\":1%s}"
                            .formatted(i, own));
        }
        answers.clear();
        answers.addAll(TestingAnswers.of(requests, new Constraint.Regex("[A-Z]{5}[0-9]{3,}")));
        assertThat(answers.get(3)).contains("\"text\":\"{");
        assertThat(answers.get(4)).containsPattern("\"text\":\"[A-Z]{5}[0-9]{3,}\"");
        assertThat(verifyAll(requests, "--regex=[A-Z]{5}[0-9]{3,}")).as(command.all()).isZero();
        assertThat(command.all()).contains("Subtasks 7 of 7 answers equal: ");
        assertThat(verifyAll(requests)).as(command.all()).isEqualTo(4);
        assertThat(command.all()).contains("DIFFERENT: 6 of the 7 answers");
    }

    @Test
    void aFlippedTokenIsNamedByRequestCompletionAndPosition() throws Exception {
        String whole = answers.get(5);
        int from = whole.lastIndexOf("\"token_ids\":[") + "\"token_ids\":[".length();
        String[] tokens = whole.substring(from, whole.indexOf(']', from)).split(",");
        String flipped = tokens[2].equals("17") ? "54" : "17";
        String was = tokens[2];
        tokens[2] = flipped;
        answers.set(
                5,
                whole.substring(0, from)
                        + String.join(",", tokens)
                        + whole.substring(whole.indexOf(']', from)));

        assertThat(verify()).as(command.all()).isEqualTo(4);
        assertThat(command.all())
                .contains("request 5 (")
                .contains("requests.jsonl line 6)")
                .contains(
                        "completion 1 differs at token 2: "
                                + flipped
                                + " committed, "
                                + was
                                + " here (Alone, Shuffled, Chunks, Subtasks)")
                .contains("DIFFERENT: 1 of the 17 answers");
    }

    @Test
    void textThatDoesNotBelongToItsTokensIsFound() throws Exception {
        answers.set(3, answers.get(3).replace("\"text\":\"", "\"text\":\"X"));
        assertThat(verify()).as(command.all()).isEqualTo(4);
        assertThat(command.all()).contains("its text differs at character 0: \"X");
    }

    @Test
    void equalFieldsInOtherBytesAreFound() throws Exception {
        answers.set(3, answers.get(3).replaceFirst(",", ", "));
        assertThat(verify()).as(command.all()).isEqualTo(4);
        assertThat(command.all()).contains("the fields are equal, but the bytes differ at byte ");
    }

    @Test
    void aMissingAnswerIsNamed() throws Exception {
        answers.remove(4);
        assertThat(verify()).as(command.all()).isEqualTo(5);
        assertThat(command.all())
                .contains("1 requests have no answer: 4 (")
                .contains("--dead-letters was not given");
    }

    @Test
    void anAnswerThatComesTwiceIsNamedThoughItsBytesAreEqual() throws Exception {
        answers.add(answers.get(7));
        assertThat(verify()).as(command.all()).isEqualTo(5);
        assertThat(command.all()).contains("1 answers beyond the first: 7 (");
    }

    @Test
    void anAnswerToNothingThatWasAskedIsNamed() throws Exception {
        answers.add(answers.get(7).replace("{\"id\":\"7\"", "{\"id\":\"other\""));
        assertThat(verify()).as(command.all()).isEqualTo(5);
        assertThat(command.all()).contains("1 answers without a request: other (");
    }

    @Test
    void anotherFingerprintIsNoOtherAnswer() throws Exception {
        String own = "\"model_fingerprint\":\"" + TestingAnswers.fingerprint() + "\"";
        assertThat(answers.get(2)).contains(own);
        // Its bytes differ as well, and nobody can say whether they should.
        answers.set(
                2,
                answers.get(2)
                        .replace(own, "\"model_fingerprint\":\"c0ffee\"")
                        .replace("\"text\":\"", "\"text\":\"X"));
        assertThat(verify()).as(command.all()).isEqualTo(6);
        assertThat(command.all())
                .contains("1 answers have fingerprint c0ffee: other weights")
                .contains("OTHER FINGERPRINT: 1 of 17 answers")
                .doesNotContain("Differs");
    }

    @Test
    void deadLettersAnswerTheirRequestsAndAreCountedByCode() throws Exception {
        answers.set(
                4,
                "{\"id\":\"4\",\"topic\":\"t\",\"partition\":0,\"offset\":4,\"code\":\"unknown_model\","
                        + "\"message\":\"m\",\"original\":\"\",\"original_length\":0,"
                        + "\"original_sha256\":\"\"}");
        assertThat(verify()).as(command.all()).isZero();
        assertThat(command.all()).contains("1 dead letters").contains("Refused 1 unknown_model");

        Path letters = Files.writeString(folder.resolve("dead.jsonl"), answers.remove(4));
        assertThat(verify()).as(command.all()).isEqualTo(5);
        assertThat(verify("--dead-letters=" + letters)).as(command.all()).isZero();
    }

    @Test
    void twoRequestsOfOneIdHaveTwoAnswers() throws Exception {
        List<String> requests = new ArrayList<>(REQUESTS);
        requests.add("{\"id\":\"5\",\"prompt\":\"Dear Sir,\",\"max_tokens\":5}");
        answers.addAll(0, TestingAnswers.of(requests.subList(17, 18)));
        assertThat(verifyAll(requests)).as(command.all()).isZero();

        answers.remove(0);
        assertThat(verifyAll(requests)).as(command.all()).isEqualTo(5);
        assertThat(command.all()).contains("17 of 17 answers equal").contains("no answer: 5 (");
    }

    @Test
    void theSampleIsDrawnBySeed() throws Exception {
        answers.set(5, answers.get(5).replace("\"text\":\"", "\"text\":\"X"));
        int found = 0;
        for (int seed = 1; seed <= 4; seed++) {
            int code = verify("--sample=5", "--seed=" + seed);
            assertThat(command.all()).containsPattern("Alone +[45] of 5 answers equal");
            assertThat(verify("--sample=5", "--seed=" + seed)).isEqualTo(code);
            found += code == 3 ? 1 : 0;
        }
        assertThat(found).isLessThan(4);
        assertThat(verify("--sample=0")).isEqualTo(4);
    }

    @Test
    void aModelOfAnotherNameIsToldWithTheRemedy() throws Exception {
        assertThat(verify("--model-name=other")).isEqualTo(4);
        assertThat(command.all()).contains("give --model-name=triage");
    }

    @Test
    void aFileThatIsNotThereIsSaid() throws Exception {
        assertThat(verify("--dead-letters=" + folder.resolve("no.jsonl"))).isOne();
        assertThat(command.all()).contains("--dead-letters: there is no file ");
    }
}
