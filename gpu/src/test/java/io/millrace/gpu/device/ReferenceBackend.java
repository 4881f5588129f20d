package io.millrace.gpu.device;

import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The oracle of all backends: plain loops in double, one position after the other. */
public class ReferenceBackend implements Backend<ReferenceBackend.Matrix, double[], double[][]> {

    /** Rows of weights; of a gated pair, the gate's and then the up's. */
    public record Matrix(double[][] rows) {}

    private record Slot(int layer, int block, int offset) {}

    private final AttentionShape shape;
    private final RotaryTable rotary;
    private final int maxTokens;
    private final int blockSize;
    private final boolean int8;
    private final Map<Slot, double[]> keys = new HashMap<>();
    private final Map<Slot, double[]> values = new HashMap<>();
    private StepBatch batch;
    private int[] rowOf;

    /** Logits of each sample of the last step. */
    public final List<double[]> logits = new ArrayList<>();

    /**
     * @param int8 whether weights of products are rounded to INT8
     */
    public ReferenceBackend(
            AttentionShape shape, RotaryTable rotary, int maxTokens, int blockSize, boolean int8) {
        this.int8 = int8;
        this.shape = shape;
        this.rotary = rotary;
        this.maxTokens = maxTokens;
        this.blockSize = blockSize;
    }

    @Override
    public Matrix matrix(List<Tensor> parts) throws IOException {
        Matrix matrix = exact(parts);
        if (int8) {
            Arrays.setAll(matrix.rows, row -> int8(matrix.rows[row]));
        }
        return matrix;
    }

    @Override
    public Matrix table(Tensor tensor) throws IOException {
        return exact(List.of(tensor));
    }

    @Override
    public Matrix tiedHead(Matrix table, Tensor tensor) throws IOException {
        return matrix(List.of(tensor));
    }

    /** Weights of one output as INT8 has them: docs/numerics.md. */
    private static double[] int8(double[] row) {
        float most = 0;
        for (double w : row) {
            most = Math.max(most, (float) Math.abs(w));
        }
        float scale = most / 127;
        double[] rounded = new double[row.length];
        for (int i = 0; i < row.length; i++) {
            rounded[i] = Math.rint((float) row[i] / scale) * scale;
        }
        return rounded;
    }

    private static Matrix exact(List<Tensor> parts) throws IOException {
        List<double[]> rows = new ArrayList<>();
        for (Tensor part : parts) {
            float[] all = part.readFloats();
            int width = (int) part.dim(1);
            for (int row = 0; row < part.dim(0); row++) {
                rows.add(doubles(all, row * width, width));
            }
        }
        return new Matrix(rows.toArray(double[][]::new));
    }

    @Override
    public Matrix gatedMatrix(Tensor gate, Tensor up) throws IOException {
        return matrix(List.of(gate, up));
    }

    @Override
    public double[] vector(List<Tensor> parts) throws IOException {
        double[] all = {};
        for (Tensor part : parts) {
            float[] floats = part.readFloats();
            int at = all.length;
            all = Arrays.copyOf(all, at + floats.length);
            System.arraycopy(doubles(floats, 0, floats.length), 0, all, at, floats.length);
        }
        return all;
    }

    private static double[] doubles(float[] from, int at, int n) {
        double[] to = new double[n];
        for (int i = 0; i < n; i++) {
            to[i] = from[at + i];
        }
        return to;
    }

    @Override
    public double[][] activation(Use use, int width) {
        return new double[maxTokens][width];
    }

    @Override
    public void begin(StepBatch step) {
        batch = step;
        rowOf = new int[step.tokens];
        for (int row = 0; row < step.rows; row++) {
            Arrays.fill(rowOf, step.rowStart[row], step.rowStart[row + 1], row);
        }
    }

    @Override
    public void embed(Matrix table, Matrix positions, double[][] out) {
        for (int t = 0; t < batch.tokens; t++) {
            out[t] = table.rows[batch.tokenIds[t]].clone();
            if (positions != null) {
                add(out[t], positions.rows[batch.positions[t]]);
            }
        }
    }

    @Override
    public void norm(double[][] x, Norm<double[]> norm, double[][] out) {
        for (int t = 0; t < batch.tokens; t++) {
            out[t] = norm(x[t], norm);
        }
    }

    public static double[] norm(double[] x, Norm<double[]> norm) {
        double mean = norm.bias() == null ? 0 : Arrays.stream(x).sum() / x.length;
        double squares = 0;
        for (double v : x) {
            squares += (v - mean) * (v - mean);
        }
        double inverse = 1 / Math.sqrt(squares / x.length + norm.epsilon());
        double[] out = new double[x.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (x[i] - mean) * inverse * norm.weight()[i];
        }
        add(out, norm.bias());
        return out;
    }

    /** GELU as its definition with tanh is written. */
    public static double gelu(double x) {
        return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    private static void add(double[] to, double[] what) {
        for (int i = 0; what != null && i < to.length; i++) {
            to[i] += what[i];
        }
    }

    public static double[] multiply(double[] x, Matrix w) {
        double[] out = new double[w.rows.length];
        for (int n = 0; n < out.length; n++) {
            for (int k = 0; k < x.length; k++) {
                out[n] += x[k] * w.rows[n][k];
            }
        }
        return out;
    }

    @Override
    public void qkvProjectRopeStoreKv(
            double[][] x, QkvProjection<Matrix, double[]> qkv, int layer, double[][] q) {
        int size = shape.headSize();
        int queries = shape.heads() * size;
        int kv = shape.kvHeads() * size;
        for (int t = 0; t < batch.tokens; t++) {
            double[] y = multiply(x[t], qkv.matrix());
            add(y, qkv.bias());
            int position = batch.positions[t];
            for (int head = 0; head < shape.heads() + shape.kvHeads(); head++) {
                Norm<double[]> norm = head < shape.heads() ? qkv.queryNorm() : qkv.keyNorm();
                if (norm != null) {
                    double[] one = Arrays.copyOfRange(y, head * size, (head + 1) * size);
                    System.arraycopy(norm(one, norm), 0, y, head * size, size);
                }
                turn(y, head * size, position);
            }
            q[t] = Arrays.copyOf(y, queries);
            int[] table = batch.blockTables[rowOf[t]];
            Slot slot = new Slot(layer, table[position / blockSize], position % blockSize);
            keys.put(slot, Arrays.copyOfRange(y, queries, queries + kv));
            values.put(slot, Arrays.copyOfRange(y, queries + kv, queries + 2 * kv));
        }
    }

    private void turn(double[] y, int at, int position) {
        for (int i = 0; i < rotary.pairs; i++) {
            double cos = rotary.cos[position * rotary.pairs + i];
            double sin = rotary.sin[position * rotary.pairs + i];
            double a = y[at + i];
            double b = y[at + rotary.pairs + i];
            y[at + i] = a * cos - b * sin;
            y[at + rotary.pairs + i] = b * cos + a * sin;
        }
    }

    @Override
    public void attention(double[][] q, int layer, int window, double[][] out) {
        int size = shape.headSize();
        for (int t = 0; t < batch.tokens; t++) {
            out[t] = new double[shape.heads() * size];
            int[] table = batch.blockTables[rowOf[t]];
            int n = batch.positions[t] + 1;
            for (int head = 0; head < shape.heads(); head++) {
                int kvAt = head / shape.group() * size;
                double[] p = new double[n];
                Arrays.fill(p, Double.NEGATIVE_INFINITY);
                for (int at = Math.max(0, n - window); at < n; at++) {
                    p[at] = 0;
                    double[] k = keys.get(new Slot(layer, table[at / blockSize], at % blockSize));
                    for (int i = 0; i < size; i++) {
                        p[at] += q[t][head * size + i] * k[kvAt + i];
                    }
                    p[at] /= Math.sqrt(size);
                }
                double max = Arrays.stream(p).max().orElseThrow();
                double sum = 0;
                for (int at = 0; at < n; at++) {
                    p[at] = Math.exp(p[at] - max);
                    sum += p[at];
                }
                for (int at = 0; at < n; at++) {
                    double[] v = values.get(new Slot(layer, table[at / blockSize], at % blockSize));
                    for (int i = 0; i < size; i++) {
                        out[t][head * size + i] += p[at] / sum * v[kvAt + i];
                    }
                }
            }
        }
    }

    @Override
    public void matmulAdd(double[][] x, Matrix weight, double[] bias, double[][] residual) {
        for (int t = 0; t < batch.tokens; t++) {
            add(residual[t], multiply(x[t], weight));
            add(residual[t], bias);
        }
    }

    @Override
    public void matmulGelu(double[][] x, Matrix weight, double[] bias, double[][] out) {
        for (int t = 0; t < batch.tokens; t++) {
            double[] y = multiply(x[t], weight);
            add(y, bias);
            out[t] = Arrays.stream(y).map(ReferenceBackend::gelu).toArray();
        }
    }

    @Override
    public void matmulGated(double[][] x, Matrix gateUp, double[][] out) {
        for (int t = 0; t < batch.tokens; t++) {
            double[] y = multiply(x[t], gateUp);
            int n = y.length / 2;
            for (int i = 0; i < n; i++) {
                out[t][i] = y[i] / (1 + Math.exp(-y[i])) * y[n + i];
            }
        }
    }

    @Override
    public void logits(double[][] x, Norm<double[]> norm, Matrix head) {
        logits.clear();
        for (int row = 0; row < batch.rows; row++) {
            for (int i = 0; i < batch.samples(row); i++) {
                int token = batch.firstSampled(row) + i;
                logits.add(multiply(norm(x[token], norm), head));
            }
        }
    }

    @Override
    public void sample(StepOutput output) {
        for (int sample = 0; sample < batch.samples(); sample++) {
            double[] l = logits.get(sample);
            int best = 0;
            for (int i = 1; i < l.length; i++) {
                best = l[i] > l[best] ? i : best;
            }
            output.tokenIds[sample] = best;
        }
    }

    @Override
    public void close() {}
}
