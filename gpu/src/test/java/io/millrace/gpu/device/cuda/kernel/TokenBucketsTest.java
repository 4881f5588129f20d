package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TokenBucketsTest {

    @Test
    void everyStepFitsIntoItsBucketAndBucketsAreFew() {
        int buckets = 0;
        int last = 0;
        for (int tokens = 1; tokens <= TokenBuckets.MOST_RECORDED; tokens++) {
            int bucket = TokenBuckets.of(tokens);
            assertThat(bucket).isGreaterThanOrEqualTo(tokens).isGreaterThanOrEqualTo(last);
            assertThat(TokenBuckets.of(bucket)).isEqualTo(bucket);
            buckets += bucket > last ? 1 : 0;
            last = bucket;
        }
        assertThat(buckets).isEqualTo(19);
    }

    @Test
    void bucketsAreTilesOfTheProducts() {
        assertThat(TokenBuckets.of(1)).isEqualTo(16);
        assertThat(TokenBuckets.of(17)).isEqualTo(32);
        assertThat(TokenBuckets.of(54)).isEqualTo(64);
        assertThat(TokenBuckets.of(97)).isEqualTo(128);
        assertThat(TokenBuckets.of(129)).isEqualTo(256);
        assertThat(TokenBuckets.of(1023)).isEqualTo(1024);
    }
}
