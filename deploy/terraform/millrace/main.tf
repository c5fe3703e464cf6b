# The same with Millrace: a network load balancer that hands TCP through, a few small instances, and
# behind them the stream, the archive, search and alerts, each fed by a pipeline of its own.
# Compare ../original.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.0" }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "Public subnets, one in each availability zone."
  type        = list(string)
}

variable "nodes" {
  description = "Collectors. Two for availability; `millrace cost` says how many a rate needs."
  type        = number
  default     = 2
}

variable "shards" {
  description = "Records of format kpl or ndjson hold many events, so bytes decide: a shard takes 1 MB of them a second."
  type        = number
  default     = 2
}

variable "package_url" {
  description = "Where the instances get the package (the tarball of `npm pack`), such as an object in a bucket of yours: s3://…"
  type        = string
}

variable "write_keys" {
  description = "Write keys by source, as `millrace keys new` makes them."
  type        = map(string)
  sensitive   = true
}

data "aws_caller_identity" "current" {}

# --- The front: TLS ends in the collector, so a connection costs no more than its bytes ------

resource "aws_lb" "events" {
  name               = "millrace"
  load_balancer_type = "network"
  subnets            = var.subnet_ids
  security_groups    = [aws_security_group.front.id]
}

resource "aws_lb_listener" "events" {
  load_balancer_arn = aws_lb.events.arn
  port              = 443
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.nodes.arn
  }
}

resource "aws_lb_target_group" "nodes" {
  name                 = "millrace"
  port                 = 8080
  protocol             = "TCP"
  vpc_id               = var.vpc_id
  preserve_client_ip   = true
  deregistration_delay = 30

  # A node that is not ready (draining, or its journal nearly full) takes no new connections.
  health_check {
    protocol            = "HTTP"
    port                = 9090
    path                = "/readyz"
    interval            = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_security_group" "front" {
  name   = "millrace-front"
  vpc_id = var.vpc_id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "nodes" {
  name   = "millrace-nodes"
  vpc_id = var.vpc_id

  # Events, and the health check. The admin port is for the balancer and for your monitoring only.
  dynamic "ingress" {
    for_each = [8080, 9090]
    content {
      from_port       = ingress.value
      to_port         = ingress.value
      protocol        = "tcp"
      security_groups = [aws_security_group.front.id]
    }
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# --- The collectors --------------------------------------------------------------------------

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

resource "aws_launch_template" "node" {
  name_prefix            = "millrace-"
  image_id               = data.aws_ssm_parameter.image.value
  instance_type          = "t4g.large"
  update_default_version = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.node.arn
  }

  network_interfaces {
    security_groups             = [aws_security_group.nodes.id]
    associate_public_ip_address = true
  }

  metadata_options {
    http_tokens = "required"
  }

  # The journal. It holds what a dead sink cannot take: at 1,400 events a second of 500 bytes,
  # 50 GB are about 18 hours.
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 60
      volume_type = "gp3"
      encrypted   = true
    }
  }

  user_data = base64encode(templatefile("${path.module}/node.sh.tftpl", {
    package_url = var.package_url
    secret_id   = aws_secretsmanager_secret.keys.id
    region      = var.region
    config = templatefile("${path.module}/millrace.yaml.tftpl", {
      sources = nonsensitive(keys(var.write_keys))
      region  = var.region
      stream  = aws_kinesis_stream.events.name
      bucket  = aws_s3_bucket.archive.id
      search  = "https://${aws_opensearch_domain.logs.endpoint}"
      boats   = aws_s3_bucket.lifeboats.id
    })
  }))
}

resource "aws_autoscaling_group" "nodes" {
  name                = "millrace"
  desired_capacity    = var.nodes
  min_size            = var.nodes
  max_size            = var.nodes * 2
  vpc_zone_identifier = var.subnet_ids
  target_group_arns   = [aws_lb_target_group.nodes.arn]
  health_check_type   = "ELB"

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 200
    }
  }
}

# An instance that goes away drains for as long as shutdown.drainMs says; what its sinks could not take
# by then is in the lifeboat bucket.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.nodes.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 90
  default_result         = "CONTINUE"
}

resource "aws_secretsmanager_secret" "keys" {
  name = "millrace/write-keys"
}

resource "aws_secretsmanager_secret_version" "keys" {
  secret_id     = aws_secretsmanager_secret.keys.id
  secret_string = jsonencode(var.write_keys)
}

# --- The stream ------------------------------------------------------------------------------

resource "aws_kinesis_stream" "events" {
  name             = "web-events"
  shard_count      = var.shards
  retention_period = 24
  encryption_type  = "KMS"
  kms_key_id       = "alias/aws/kinesis"
}

# --- The archive -----------------------------------------------------------------------------

# `millrace setup s3` writes lifecycle and aborts of uploads, from the configuration.
resource "aws_s3_bucket" "archive" {
  bucket              = "events-archive-${data.aws_caller_identity.current.account_id}"
  object_lock_enabled = true
}

resource "aws_s3_bucket" "lifeboats" {
  bucket = "events-lifeboats-${data.aws_caller_identity.current.account_id}"
}

resource "aws_s3_bucket_public_access_block" "private" {
  for_each                = { archive = aws_s3_bucket.archive.id, lifeboats = aws_s3_bucket.lifeboats.id }
  bucket                  = each.value
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# --- Search ----------------------------------------------------------------------------------

# `millrace setup opensearch` installs the index template and the retention policy.
resource "aws_opensearch_domain" "logs" {
  domain_name    = "events"
  engine_version = "OpenSearch_2.19"

  cluster_config {
    instance_type  = "r7g.large.search"
    instance_count = 2
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = 200
  }

  encrypt_at_rest {
    enabled = true
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }
}

# --- What a collector may do -----------------------------------------------------------------

resource "aws_iam_role" "node" {
  name = "millrace-node"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_instance_profile" "node" {
  name = "millrace-node"
  role = aws_iam_role.node.name
}

resource "aws_iam_role_policy" "node" {
  role = aws_iam_role.node.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kinesis:PutRecords", "kinesis:DescribeStreamSummary"]
        Resource = aws_kinesis_stream.events.arn
      },
      {
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:PutObjectRetention", "s3:GetObject", "s3:AbortMultipartUpload"]
        Resource = ["${aws_s3_bucket.archive.arn}/*", "${aws_s3_bucket.lifeboats.arn}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning"]
        Resource = [aws_s3_bucket.archive.arn, aws_s3_bucket.lifeboats.arn]
      },
      {
        Effect   = "Allow"
        Action   = ["es:ESHttpPost", "es:ESHttpPut", "es:ESHttpGet", "es:ESHttpHead"]
        Resource = "${aws_opensearch_domain.logs.arn}/*"
      },
      {
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = aws_secretsmanager_secret.keys.arn
      },
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = replace(var.package_url, "s3://", "arn:aws:s3:::")
      },
    ]
  })
}

output "url" {
  value = "https://${aws_lb.events.dns_name}/v1/events"
}
