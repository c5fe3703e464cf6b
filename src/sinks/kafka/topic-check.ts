import { type Admin, type ClusterTopicMetadata, ConfigResourceTypes } from "@platformatic/kafka";
import type { KafkaConfig } from "./config.ts";

/** What is set on a topic, as far as we may see it. */
export interface TopicSettings {
  readonly minInSyncReplicas?: number;
  readonly maxMessageBytes?: number;
  readonly compacted?: boolean;
}

/** Looks at the topic that is known by name. Throws when no broker can be asked. */
export async function topicProblems(admin: Admin, config: KafkaConfig): Promise<string[]> {
  // Of a template only the fallback is known by name: its topics come and go with the types of events.
  const topic = config.fallbackTopic ?? config.topic;
  const existing = await admin.listTopics();
  if (!existing.includes(topic)) {
    return [`The topic ${topic} does not exist, or may not be seen: create it, or allow Describe on it.`];
  }
  const metadata = await admin.metadata({ topics: [topic] });
  const found = metadata.topics.get(topic);
  return found === undefined ? [] : problemsOf(topic, found, await settingsOf(admin, topic), config);
}

async function settingsOf(admin: Admin, topic: string): Promise<TopicSettings> {
  try {
    const [described] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }],
    });
    const values = new Map(described?.configs.map(({ name, value }) => [name, value]));
    return {
      minInSyncReplicas: Number(values.get("min.insync.replicas") ?? 1),
      maxMessageBytes: Number(values.get("max.message.bytes") ?? Number.POSITIVE_INFINITY),
      compacted: values.get("cleanup.policy")?.includes("compact") ?? false,
    };
  } catch {
    // DescribeConfigs is a right of its own, which a producer can do without.
    return {};
  }
}

/** Where topic and configuration do not match, each with what to do. */
export function problemsOf(
  topic: string,
  { partitions }: Pick<ClusterTopicMetadata, "partitions">,
  settings: TopicSettings,
  config: Pick<KafkaConfig, "acks" | "key" | "maxMessageBytes">,
): string[] {
  const problems: string[] = [];
  const leaderless = partitions.filter(({ leader }) => leader < 0).length;
  if (leaderless > 0) {
    problems.push(`${leaderless} of ${partitions.length} partitions of ${topic} have no leader: see the brokers.`);
  }
  const replicas = Math.min(...partitions.map((partition) => partition.replicas.length));
  // Of what we may not see we assume nothing bad.
  const {
    minInSyncReplicas = Math.min(replicas, 2),
    maxMessageBytes = config.maxMessageBytes,
    compacted = false,
  } = settings;
  if (config.acks === "all" && minInSyncReplicas > replicas) {
    problems.push(
      `${topic} has ${replicas} replicas and min.insync.replicas is ${minInSyncReplicas}: no write will be taken. Lower it, or add replicas.`,
    );
  } else if (config.acks === "all" && replicas > 1 && minInSyncReplicas < 2) {
    problems.push(
      `${topic} has ${replicas} replicas and min.insync.replicas is 1: a broker that is lost can take acknowledged events along. Set it to 2.`,
    );
  } else if (config.acks === "all" && replicas > 1 && settings.minInSyncReplicas === replicas) {
    problems.push(
      `${topic} has ${replicas} replicas and min.insync.replicas is as many: one broker that is down stops all writes. Lower it, or add replicas.`,
    );
  }
  if (maxMessageBytes < config.maxMessageBytes) {
    problems.push(
      `${topic} takes messages of at most ${maxMessageBytes} bytes and maxMessageBytes is ${config.maxMessageBytes}: lower it, or raise max.message.bytes of the topic.`,
    );
  }
  if (compacted && config.key === "none") {
    problems.push(`${topic} is compacted, which needs keys: set \`key\`, or cleanup.policy to delete.`);
  }
  return problems;
}
