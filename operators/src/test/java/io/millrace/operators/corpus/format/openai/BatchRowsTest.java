package io.millrace.operators.corpus.format.openai;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.format.text.RowBytes;
import io.millrace.schemas.FailureCode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchRowsTest {
    private static final int LINES = 3001;

    @Test
    void anIdThatStandsTwiceIsAFailureOfTheLaterLineAlsoAfterAResume() throws IOException {
        StringBuilder text = new StringBuilder("not JSON\n{\"custom_id\":7}\n{}\n");
        for (int i = 0; i < LINES; i++) {
            text.append("{\"custom_id\":\"%d\",\"body\":{}}\n".formatted(i % 2000));
        }
        List<Row> all = rows(text, RowPosition.START);
        assertThat(all).hasSize(LINES + 3);
        for (int i = 0; i < all.size(); i++) {
            if (i < 2003) {
                assertThat(all.get(i).fault()).isNull();
            } else {
                assertThat(all.get(i).code()).isEqualTo(FailureCode.INVALID_PARAMETER);
                assertThat(all.get(i).fault())
                        .isEqualTo(
                                "custom_id \"%d\" stands in an earlier line already: give each line its own"
                                        .formatted(i - 2003));
            }
        }
        for (int from : new int[] {1, 17, 2002, 2003, 2970}) {
            List<Row> rest = rows(text, new RowPosition(0, from, from));
            assertThat(rest).hasSize(all.size() - from);
            for (int i = 0; i < rest.size(); i++) {
                assertThat(rest.get(i).number()).isEqualTo(from + i + 1);
                assertThat(rest.get(i).fault()).isEqualTo(all.get(from + i).fault());
            }
        }
    }

    @Test
    void aFileThatEndsBeforeThePlaceCannotBeRead() {
        StringBuilder text = new StringBuilder("{\"custom_id\":\"a\"}\n");
        assertThatThrownBy(() -> rows(text, new RowPosition(0, 2, 2)))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessage("it ends behind row 1, before 2, where reading should go on");
    }

    private static List<Row> rows(CharSequence text, RowPosition from) throws IOException {
        byte[] bytes = text.toString().getBytes(UTF_8);
        List<Row> rows = new ArrayList<>();
        try (BatchRows lines =
                new BatchRows(new RowBytes(new ByteArrayInputStream(bytes), true), from)) {
            while (!lines.seek()) {
                assertThat(lines.position()).isEqualTo(from);
            }
            for (Row row = lines.next(); row != null; row = lines.next()) {
                rows.add(row);
            }
        }
        return rows;
    }
}
