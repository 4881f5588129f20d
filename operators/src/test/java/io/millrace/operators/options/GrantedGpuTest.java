package io.millrace.operators.options;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.externalresource.ExternalResourceInfo;
import org.junit.jupiter.api.Test;

class GrantedGpuTest {
    private static final EngineOptions OPTIONS = EngineOptions.of("m");

    @Test
    void theGrantedGpuIsTakenWhereNoneWasNamed() {
        assertThat(GrantedGpu.fillIn(OPTIONS, Set.of(gpu("3"))).gpu()).isEqualTo(3);
        assertThat(GrantedGpu.fillIn(OPTIONS, Set.of(gpu("11"), gpu("2"))).gpu()).isEqualTo(2);
        assertThat(GrantedGpu.fillIn(OPTIONS, Set.of(gpu(null))).gpu())
                .isEqualTo(EngineOptions.ANY_GPU);
    }

    @Test
    void aNamedGpuStays() {
        EngineOptions named = OPTIONS.withGpu(1);
        assertThat(GrantedGpu.fillIn(named, Set.of(gpu("3")))).isEqualTo(named);
        assertThat(GrantedGpu.fillIn(OPTIONS, Set.of())).isEqualTo(OPTIONS);
    }

    private static ExternalResourceInfo gpu(String index) {
        return new ExternalResourceInfo() {
            @Override
            public Optional<String> getProperty(String key) {
                return key.equals("index") ? Optional.ofNullable(index) : Optional.empty();
            }

            @Override
            public Collection<String> getKeys() {
                return List.of("index");
            }
        };
    }
}
