package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.openai.AnsweredRequest;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Position;
import io.millrace.operators.tool.AnswerText;
import io.millrace.schemas.Completion;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One row with its outcome, as a record of a staging file that begins with length and row number.
 *
 * @param number number of the row, from 1
 * @param line number of its first line, from 1
 * @param row bytes of the row
 * @param answers texts of the completions; empty for a failure
 * @param code code of a failure; null for an answer
 * @param message message of a failure; null for an answer
 */
record StagedRow(
        long number, long line, byte[] row, List<String> answers, String code, String message) {

    /** Bytes of the length prefix. */
    static final int LENGTH_BYTES = Integer.BYTES;

    /**
     * @param batch whether an answer is staged as OpenAI's batch files need it
     */
    static StagedRow of(Outcome outcome, boolean batch) {
        Origin origin = outcome.origin();
        if (!(origin.position() instanceof Position.Row at)) {
            throw new IllegalStateException(origin + " is not a row of a file.");
        }
        if (outcome instanceof Outcome.Answered answered) {
            if (batch) {
                List<String> answer = List.of(AnsweredRequest.json(answered.result()));
                return new StagedRow(at.number(), at.line(), origin.value(), answer, null, null);
            }
            List<String> answers = new ArrayList<>();
            for (Completion completion : answered.result().getCompletions()) {
                answers.add(AnswerText.of(completion));
            }
            return new StagedRow(at.number(), at.line(), origin.value(), answers, null, null);
        }
        Outcome.Failed failed = (Outcome.Failed) outcome;
        return new StagedRow(
                at.number(),
                at.line(),
                origin.value(),
                List.of(),
                failed.code().wireName(),
                failed.message());
    }

    void write(DataOutputStream out) throws IOException {
        List<byte[]> texts = new ArrayList<>();
        for (String text : code == null ? answers : List.of(code, message)) {
            texts.add(text.getBytes(StandardCharsets.UTF_8));
        }
        int length = 2 * Long.BYTES + 1 + 2 * Integer.BYTES + row.length;
        for (byte[] text : texts) {
            length = Math.addExact(length, Integer.BYTES + text.length);
        }
        out.writeInt(length);
        out.writeLong(number);
        out.writeLong(line);
        out.writeBoolean(code == null);
        out.writeInt(row.length);
        out.write(row);
        out.writeInt(texts.size());
        for (byte[] text : texts) {
            out.writeInt(text.length);
            out.write(text);
        }
    }

    /** Reads a row, without its length prefix. */
    static StagedRow read(DataInputStream in) throws IOException {
        long number = in.readLong();
        long line = in.readLong();
        boolean answered = in.readBoolean();
        byte[] row = in.readNBytes(in.readInt());
        int count = in.readInt();
        List<String> texts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            texts.add(new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8));
        }
        return answered
                ? new StagedRow(number, line, row, texts, null, null)
                : new StagedRow(number, line, row, List.of(), texts.get(0), texts.get(1));
    }
}
