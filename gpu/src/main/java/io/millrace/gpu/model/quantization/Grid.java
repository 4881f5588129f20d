package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.Arrays;

/**
 * The scales of a matrix, each for the columns of one group in one row, or in a block of rows.
 *
 * @param scales row-major, (blocks of rows, groups)
 * @param zeros zero points, laid out as the scales; null if all are 0
 * @param type S, the scales' type in the file
 * @param rowsPerBlock rows that share their scales
 * @param groupOf the group of each column
 * @param groups number of groups
 */
record Grid(
        float[] scales, float[] zeros, DType type, int rowsPerBlock, int[] groupOf, int groups) {

    /** The size of a group of all columns. */
    static final int COLUMN = -1;

    /**
     * From codes to values: S((code - zero) * scale). The difference is exact and the product
     * rounded once, or exact, in F32.
     */
    void scale(long row, float[] values) {
        int first = Math.toIntExact(row / rowsPerBlock * groups);
        if (zeros == null) {
            for (int k = 0; k < values.length; k++) {
                values[k] *= scales[first + groupOf[k]];
            }
        } else {
            for (int k = 0; k < values.length; k++) {
                int at = first + groupOf[k];
                values[k] = (values[k] - zeros[at]) * scales[at];
            }
        }
        type.round(values, values.length);
    }

    /** Reads {@code group_size}, the columns that share a scale; {@link #COLUMN} for all. */
    static int groupSize(ConfigFile config) throws InvalidModelException {
        JsonNode size = config.get("group_size");
        return size != null && size.isIntegralNumber() && size.longValue() == COLUMN
                ? COLUMN
                : config.positiveInt("group_size");
    }

    /** Groups of consecutive columns; the last one may be smaller. */
    static int[] consecutive(int columns, int groupSize) {
        int[] groupOf = new int[columns];
        Arrays.setAll(groupOf, k -> k / groupSize);
        return groupOf;
    }

    /**
     * Refuses a group that does not exist.
     *
     * @param groupOf the numbers of a g_idx
     */
    static int[] checked(int[] groupOf, int groups, String name) throws InvalidModelException {
        for (int group : groupOf) {
            if (group < 0 || group >= groups) {
                throw new InvalidModelException(
                        "Tensor %s names the group %d, but there are %d."
                                .formatted(name, group, groups));
            }
        }
        return groupOf;
    }

    /** The transpose of a row-major matrix. */
    static float[] transposed(float[] values, int rows, int columns) {
        float[] to = new float[values.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                to[column * rows + row] = values[row * columns + column];
            }
        }
        return to;
    }
}
