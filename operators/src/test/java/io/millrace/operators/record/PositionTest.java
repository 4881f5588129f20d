package io.millrace.operators.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PositionTest {
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 17, 1023, Long.MAX_VALUE})
    void everyPositionComesBackFromItsText(long number) {
        Position offset = new Position.InPartition((int) (number % 97), number);
        Position line = new Position.Line(number);
        assertThat(Position.parse(offset.text())).isEqualTo(offset);
        Position row = new Position.Row(number, number / 2);
        assertThat(Position.parse(line.text())).isEqualTo(line);
        assertThat(Position.parse(row.text())).isEqualTo(row);
    }

    /** These lie in savepoints. */
    @Test
    void textsStay() {
        assertThat(new Position.InPartition(3, 17).text()).isEqualTo("3@17");
        assertThat(new Position.Line(17).text()).isEqualTo("line 17");
        assertThat(new Position.Row(17, 54).text()).isEqualTo("row 17 line 54");
        assertThat(new Position.Made("a 17").text()).isEqualTo("id a 17");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "17", "3@17", "id 5", "line 3", "a\nb"})
    void whatWasMadeIsNamedByItsIdWhateverThatIs(String id) {
        Position made = new Position.Made(id);
        assertThat(Position.parse(made.text())).isEqualTo(made);
        assertThat(made.in("tickets")).isEqualTo("tickets request " + id);
    }

    @Test
    void aPlaceIsSaidAsReadersKnowIt() {
        assertThat(new Position.InPartition(3, 17).in("prompts")).isEqualTo("prompts-3@17");
        assertThat(new Position.Line(17).in("a.jsonl")).isEqualTo("a.jsonl line 17");
        assertThat(new Position.Row(17, 54).in("a.csv")).isEqualTo("a.csv row 17 (line 54)");
    }

    @Test
    void aLineHasThePlaceOfDeadLettersToo() {
        Position line = new Position.Line(54);
        assertThat(line.partition()).isZero();
        assertThat(line.offset()).isEqualTo(54);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "17",
                "@17",
                "3@",
                "3@x",
                "line ",
                "line x",
                "row 17",
                "row 1 line ",
                "row x line 2",
                "3@1@7"
            })
    void whatIsNoPositionIsNamedWithTheRemedy(String text) {
        assertThatThrownBy(() -> Position.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"" + text + "\"")
                .hasMessageContaining("restore with the release that wrote it");
    }
}
