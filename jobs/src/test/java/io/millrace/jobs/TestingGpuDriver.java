package io.millrace.jobs;

import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.externalresource.ExternalResourceDriver;
import org.apache.flink.api.common.externalresource.ExternalResourceDriverFactory;
import org.apache.flink.api.common.externalresource.ExternalResourceInfo;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says that the machine has a GPU, with index 17, and logs what it was asked for. */
public final class TestingGpuDriver implements ExternalResourceDriver {
    private static final Logger LOG = LoggerFactory.getLogger(TestingGpuDriver.class);
    private static final ConfigOption<String> ARGS =
            ConfigOptions.key("discovery-script.args").stringType().noDefaultValue();

    private final String args;

    private TestingGpuDriver(String args) {
        this.args = args;
    }

    /** Made by Flink, by its name in the settings. */
    public static final class Factory implements ExternalResourceDriverFactory {
        @Override
        public ExternalResourceDriver createExternalResourceDriver(Configuration settings) {
            return new TestingGpuDriver(settings.get(ARGS));
        }
    }

    @Override
    public Set<? extends ExternalResourceInfo> retrieveResourceInfo(long amount) {
        LOG.info("GPU 17 of {} for {}", amount, args);
        return Set.of(new Gpu());
    }

    static final class Gpu implements ExternalResourceInfo {
        @Override
        public Optional<String> getProperty(String key) {
            return key.equals("index") ? Optional.of("17") : Optional.empty();
        }

        @Override
        public Collection<String> getKeys() {
            return Set.of("index");
        }
    }
}
