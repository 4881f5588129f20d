package io.millrace.operators.corpus.format.text;

import java.util.ArrayList;
import java.util.List;

/** The cells of one CSV record, both unquoted and as written. */
final class CsvCells {
    private final List<String> cells = new ArrayList<>();
    private final List<String> raw = new ArrayList<>();

    private CsvCells() {}

    /** Parses a record, given without its line ending. */
    static CsvCells parse(String record, char delimiter) {
        CsvCells parsed = new CsvCells();
        StringBuilder cell = new StringBuilder();
        int from = 0;
        boolean quoted = false;
        for (int i = 0; i <= record.length(); i++) {
            char c = i < record.length() ? record.charAt(i) : 0;
            if (i == record.length() || c == delimiter && !quoted) {
                parsed.cells.add(cell.toString());
                parsed.raw.add(record.substring(from, i));
                cell.setLength(0);
                from = i + 1;
            } else if (quoted) {
                if (c != '"') {
                    cell.append(c);
                } else if (i + 1 < record.length() && record.charAt(i + 1) == '"') {
                    cell.append(c);
                    i++;
                } else {
                    quoted = false;
                }
            } else if (c == '"' && i == from) {
                quoted = true;
            } else {
                cell.append(c);
            }
        }
        return parsed;
    }

    int size() {
        return cells.size();
    }

    String get(int index) {
        return cells.get(index);
    }

    List<String> all() {
        return List.copyOf(cells);
    }

    /** The record as written. */
    String record(char delimiter) {
        return String.join(String.valueOf(delimiter), raw);
    }

    /** The record with one cell replaced, or appended after empty cells. */
    String with(int index, String text, char delimiter) {
        List<String> written = new ArrayList<>(raw);
        while (written.size() <= index) {
            written.add("");
        }
        written.set(index, quoted(text, delimiter, written.size() == 1));
        return String.join(String.valueOf(delimiter), written);
    }

    /**
     * @param alone whether it is the only cell; an empty line would not be a record
     */
    private static String quoted(String text, char delimiter, boolean alone) {
        boolean plain =
                text.indexOf(delimiter) < 0
                        && text.indexOf('"') < 0
                        && text.indexOf('\n') < 0
                        && text.indexOf('\r') < 0;
        return plain && !(alone && text.isEmpty()) ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
