package io.millrace.jobs.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.AddBos;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.bench.KernelTimings;
import io.millrace.jobs.bench.result.BenchNumerics;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.bench.result.ResultTable;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.LoadFormatArgument;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.WeightsArgument;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.MemorySize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a model on this machine with the engine only, without Kafka and Flink. */
@Command(
        name = "bench",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Measures how fast a model runs on this machine, beside what its memory allows, and"
                    + " writes the figures to a file.",
            "Answers are checked before they are timed. Wants a machine that does nothing else."
        })
public final class BenchCommand implements Callable<Integer> {
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Another model than the one in models/triage, in Hugging Face form.")
    private Path model;

    @Option(
            names = "--device",
            paramLabel = "cpu|cuda|auto",
            defaultValue = "cpu",
            description =
                    "Device of the model; auto takes a GPU if there is one, otherwise the CPU.")
    private Device device;

    @Mixin private WeightsArgument format = new WeightsArgument();
    @Mixin private LoadFormatArgument load = new LoadFormatArgument();
    @Mixin private EngineArguments.BosArgument bos = new EngineArguments.BosArgument();

    @Option(
            names = "--shape",
            paramLabel = "NAME",
            split = ",",
            description =
                    "Instead of a model: shapes with random weights to run the workloads of"
                            + " --workload on, separated by commas: qwen2.5-0.5b, llama-3.2-1b,"
                            + " llama-3.1-8b, qwen3-0.6b.")
    private List<String> shapes;

    @Option(
            names = "--workload",
            paramLabel = "NAME",
            split = ",",
            description =
                    "What is measured of each --shape, separated by commas: kernels, each alone and"
                            + " beside its roofline, and workloads of the engine (default: on a GPU"
                            + " kernels,W1,W2,W3,W4,W5,W6,B256,prompts; on the CPU and with"
                            + " free numerics the same without kernels). Or start: the time from"
                            + " the JVM's start to the first token of a --model, on any device; its"
                            + " files may lie in the system's page cache or not.")
    private List<String> workloads;

    @Option(
            names = "--numerics",
            paramLabel = "contract|free",
            defaultValue = "contract",
            description =
                    "How the workloads of --workload are computed on a GPU: by the contract of"
                            + " docs/numerics.md, as everywhere, or free of it, to see what it"
                            + " costs. Free, an answer may depend on what runs beside it, so that"
                            + " answers are checked for their lengths and for ids that the model"
                            + " knows, and not for being the same alone. Its figures are rows of"
                            + " their own. Nothing but bench can have it.")
    private BenchNumerics numerics;

    @Option(
            names = "--batch",
            paramLabel = "COUNT",
            split = ",",
            defaultValue = "1,16",
            description = "Numbers of sequences that are decoded together, separated by commas.")
    private List<Integer> batches;

    @Option(
            names = "--threads",
            paramLabel = "COUNT",
            defaultValue = "0",
            description = "Compute threads of the CPU backend; 0 takes all cores.")
    private int threads;

    @Option(
            names = "--kv-cache-memory",
            paramLabel = "SIZE",
            defaultValue = "0",
            description = "Memory for KV blocks, such as 512m or 20g; 0 lets the engine choose.")
    private MemorySize kvCacheMemory;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description =
                    "Where the figures go, as a list of rows in JSON, in place of those of the same"
                            + " model (kernels and workloads apart); - for nowhere (default:"
                            + " docs/results/engine-cpu.json; of shapes, workloads-DEVICE.json; of"
                            + " starts, start-DEVICE.json).")
    private Path output;

    @Option(
            names = "--readme",
            paramLabel = "FILE",
            split = ",",
            description =
                    "Pages, separated by commas, whose tables are made anew from all figures in the"
                            + " output's folder.")
    private List<Path> pages = List.of();

    @Option(
            names = "--quick",
            description = "Runs everything once and small: to see that it works, not to measure.")
    private boolean quick;

    private final Progress progress = new Progress(System.err);

    /** A note below the figures. */
    private String note = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
        batches.forEach(batch -> Checks.atLeast("--batch", batch, 1));
        Checks.atLeast("--threads", threads, 0);
        Path home = Path.of(System.getProperty("millrace.home", "."));
        if (measuresStart()) {
            report(home, "start-" + device + ".json", measureStart(home), reproduction(false));
            return 0;
        }
        boolean onShapes = shapes != null || device != Device.CPU;
        if (onShapes && model != null) {
            throw new CommandFailedException(
                    "--model is measured on the CPU only: with --shape, or on another device, a"
                            + " --shape takes its place, but for --workload start.");
        }
        if (numerics == BenchNumerics.free && device != Device.CUDA) {
            throw new CommandFailedException(
                    "--numerics free is for a GPU: give --device cuda with it.");
        }
        String standard = onShapes ? "workloads-" + device : "engine-cpu";
        report(home, standard + ".json", measure(home, onShapes), reproduction(onShapes));
        return 0;
    }

    private boolean measuresStart() {
        if (workloads == null || workloads.stream().noneMatch(StartBench.NAME::equalsIgnoreCase)) {
            return false;
        }
        if (workloads.size() > 1 || shapes != null || numerics == BenchNumerics.free) {
            throw new CommandFailedException(
                    "--workload start is the start of this process with a --model: leave other"
                            + " workloads, --shape and --numerics free out.");
        }
        return true;
    }

    private List<ResultRow> measureStart(Path home) throws IOException, InterruptedException {
        StartBench bench =
                new StartBench(
                        (phase, done, total) -> progress.percent("Model", phase, done, total));
        return bench.measure(options(folder(home)), home).all();
    }

    private Path folder(Path home) {
        return model == null ? home.resolve("models").resolve("triage") : model;
    }

    /** The command that reproduces this run, with all options that affect a figure. */
    private BenchReproduction reproduction(boolean onShapes) {
        List<String> common = new ArrayList<>();
        if (onShapes || device != Device.CPU) {
            common.add("--device=" + device);
        }
        if (!onShapes && model != null) {
            common.add("--model=" + model);
        }
        if (isInt8()) {
            common.add("--weights=" + format.weights);
        }
        if (load.isDummy() && !onShapes) {
            common.add("--load-format=" + load.loadFormat);
        }
        if (bos.addBos != AddBos.MODEL) {
            common.add("--add-bos=" + bos.addBos);
        }
        if (numerics == BenchNumerics.free) {
            common.add("--numerics=" + numerics);
        }
        if (measuresStart()) {
            common.add("--workload=" + StartBench.NAME);
        } else if (!onShapes) {
            common.add("--batch=" + String.join(",", batches.stream().map(b -> "" + b).toList()));
        }
        if (threads != 0) {
            common.add("--threads=" + threads);
        }
        if (kvCacheMemory.getBytes() != 0) {
            common.add("--kv-cache-memory=" + kvCacheMemory.getBytes() + "b");
        }
        if (quick) {
            common.add("--quick");
        }
        String asked = workloads == null ? null : String.join(",", workloads);
        return new BenchReproduction(onShapes, asked, common);
    }

    private boolean isInt8() {
        return format.weights == Weights.INT8;
    }

    private List<ResultRow> measure(Path home, boolean onShapes)
            throws IOException, InterruptedException {
        if (onShapes) {
            return measureShapes(BenchOrigin.of(home));
        }
        Path folder = folder(home);
        EngineOptions options =
                options(folder)
                        .withMaxSequences(
                                Math.max(
                                        ModelBench.REQUESTS,
                                        batches.stream().max(Integer::compare).get()));
        String measured =
                options.modelName()
                        + (load.isDummy() ? ", dummy weights" : "")
                        + (isInt8() ? ", INT8" : "");
        ModelBench bench = new ModelBench(options, batches, quick, progress);
        List<ResultRow> rows = bench.measure(measured, home).all();
        note = bench.note();
        return rows;
    }

    private EngineOptions options(Path folder) {
        EngineArguments arguments =
                Arguments.parse(
                        new EngineArguments(),
                        "--model=" + folder,
                        "--device=" + device,
                        "--weights=" + format.weights,
                        "--load-format=" + load.loadFormat,
                        "--add-bos=" + bos.addBos);
        arguments.checkFolder();
        return arguments.options().withThreads(threads).withKvCacheBytes(kvCacheMemory.getBytes());
    }

    private List<ResultRow> measureShapes(BenchOrigin origin) throws IOException {
        // Unknown names are refused before anything is measured.
        List<BenchShape> all =
                shapes == null ? BenchShape.all() : shapes.stream().map(BenchShape::named).toList();
        List<StandardWorkload> each = standardWorkloads();
        boolean kernels = measuresKernels();
        WorkloadBench bench =
                new WorkloadBench(kernels, each, this::options, origin, numerics, quick, progress);
        for (BenchShape shape : all) {
            bench.measure(shape, Path.of(System.getProperty("java.io.tmpdir")));
        }
        return bench.rows();
    }

    private List<StandardWorkload> standardWorkloads() {
        return workloads == null
                ? StandardWorkload.all()
                : workloads.stream()
                        .filter(name -> !isKernels(name))
                        .map(StandardWorkload::named)
                        .toList();
    }

    private static boolean isKernels(String name) {
        return name.equalsIgnoreCase(ResultRow.KERNELS);
    }

    /** Also refuses an unavailable device before anything is prepared for it. */
    private boolean measuresKernels() throws IOException {
        boolean possible =
                KernelTimings.arePossible(
                        EngineOptions.of("shapes").withDevice(device).withWeights(format.weights));
        boolean asked = workloads != null && workloads.stream().anyMatch(BenchCommand::isKernels);
        if (asked && !possible) {
            throw new CommandFailedException(
                    "Kernels are timed on a GPU only: take --device cuda, or leave kernels out of"
                            + " --workload.");
        }
        if (asked && numerics == BenchNumerics.free) {
            throw new CommandFailedException(
                    "Kernels are timed as the contract has them: leave kernels out of --workload"
                            + " with --numerics free.");
        }
        return possible && (asked || workloads == null && numerics == BenchNumerics.contract);
    }

    private void report(
            Path home, String standard, List<ResultRow> rows, BenchReproduction reproduction)
            throws IOException {
        Path results = home.resolve("docs").resolve("results");
        boolean write = output == null || !output.toString().equals("-");
        Path file = output == null ? results.resolve(standard) : output;
        print(rows, reproduction, System.out);
        if (write) {
            ResultFiles.replace(file, rows);
            progress.line("Figures", "%s", file);
        }
        for (Path page : pages) {
            Path all = write ? file.toAbsolutePath().getParent() : results;
            ResultTable.rewrite(page, ResultFiles.readAll(all));
            progress.line("Table", "%s", page);
        }
    }

    private void print(List<ResultRow> rows, BenchReproduction reproduction, PrintStream out) {
        String model = "";
        String command = "";
        for (ResultRow row : rows) {
            if (!row.model().equals(model)) {
                model = row.model();
                out.printf("%s on %s, %s%n", model, row.device(), row.commit());
            }
            String again = reproduction.of(row, numerics.modelOf(row));
            if (!again.equals(command)) {
                command = again;
                out.printf("%n  %s%n%n", command);
            }
            String percent =
                    row.percentOfRoofline() == null
                            ? ""
                            : String.format(
                                    Locale.ROOT,
                                    "  %.0f %% of %s",
                                    row.percentOfRoofline(),
                                    row.bound());
            // Names of kernels are longer than those of workloads.
            String names = row.ofKernels() ? "%-10s %-64s" : "%-42s %-32s";
            out.printf(names + " %14s%s%n", row.workload(), row.metric(), row.figure(), percent);
        }
        out.printf(note.isEmpty() ? "" : "%n%s%n", note);
        out.flush();
    }
}
