import io.millrace.gpu.api.EngineOptions;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.Valved;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** A map, a filter and a look-up in one chain with the model: ChainedJob MODEL TICKETS CUSTOMERS */
public final class ChainedJob {
    private ChainedJob() {}

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.enableCheckpointing(1_000);
        answers(env, arguments[0], Path.of(arguments[1]), Path.of(arguments[2]))
                .map(Ticket::line)
                .returns(Types.STRING)
                .uid("line")
                .print()
                .uid("print");
        env.execute("tickets");
    }

    static DataStream<Outcome> answers(
            StreamExecutionEnvironment env, String model, Path tickets, Path customers)
            throws Exception {
        PipelineOptions options =
                PipelineOptions.builder(EngineOptions.of(model)).name("tickets").build();
        // Any source does: a KafkaSource<String> in the place of the lines of a file.
        List<String> lines = List.copyOf(Files.readAllLines(tickets));
        DataGeneratorSource<String> source =
                new DataGeneratorSource<>(
                        index -> lines.get(index.intValue()), lines.size(), Types.STRING);

        DataStream<Inbound> requests =
                env.fromSource(
                                Valved.source(source, options),
                                Valved.watermarks(WatermarkStrategy.noWatermarks(), options),
                                "tickets")
                        .uid("tickets")
                        .map(Ticket::parse)
                        .uid("parse")
                        .filter(ticket -> !ticket.text().isBlank())
                        .uid("not-blank")
                        .map(new LookUp(customers.toString()))
                        .uid("look-up")
                        .map(Ticket::request)
                        .uid("request");
        return InferencePipeline.build(requests, options);
    }

    /** Knows each customer's plan. It answers at once: what waits here holds barriers up. */
    private static final class LookUp extends RichMapFunction<Ticket, Ticket> {
        private static final long serialVersionUID = 1L;
        private final String file;
        private transient Map<String, String> plans;

        LookUp(String file) {
            this.file = file;
        }

        @Override
        public void open(OpenContext context) throws Exception {
            plans = new HashMap<>();
            for (String line : Files.readAllLines(Path.of(file))) {
                plans.put(line.split(";")[0], line.split(";")[1]);
            }
        }

        @Override
        public Ticket map(Ticket ticket) {
            return ticket.withPlan(plans.getOrDefault(ticket.customer(), "none"));
        }
    }
}
