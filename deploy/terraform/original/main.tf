# The architecture that Millrace replaces, as a team would have built it: every request is a call
# of API Gateway, which writes one Kinesis record for each; a Lambda validates, counts and ships
# batches of about 2,000; a second stream feeds notifications; S3 keeps replicas, OpenSearch the logs.
#
# It is here to compare with ../millrace, and to move from step by step: the streams, the bucket and
# the domain are the same in both. `millrace cost` has what each costs.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws     = { source = "hashicorp/aws", version = "~> 6.0" }
    archive = { source = "hashicorp/archive", version = "~> 2.4" }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "shards" {
  description = "One record per event: a shard takes 1,000 of them a second, so 60 to 80 at 5 M events an hour with peaks."
  type        = number
  default     = 60
}

data "aws_caller_identity" "current" {}

# --- The front: API Gateway writes to the stream ---------------------------------------------

resource "aws_api_gateway_rest_api" "events" {
  name = "events"
}

resource "aws_api_gateway_resource" "events" {
  rest_api_id = aws_api_gateway_rest_api.events.id
  parent_id   = aws_api_gateway_rest_api.events.root_resource_id
  path_part   = "events"
}

resource "aws_api_gateway_method" "post" {
  rest_api_id      = aws_api_gateway_rest_api.events.id
  resource_id      = aws_api_gateway_resource.events.id
  http_method      = "POST"
  authorization    = "NONE"
  api_key_required = true
}

resource "aws_api_gateway_integration" "kinesis" {
  rest_api_id             = aws_api_gateway_rest_api.events.id
  resource_id             = aws_api_gateway_resource.events.id
  http_method             = aws_api_gateway_method.post.http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${var.region}:kinesis:action/PutRecord"
  credentials             = aws_iam_role.gateway.arn

  request_templates = {
    "application/json" = <<-VTL
      {
        "StreamName": "${aws_kinesis_stream.events.name}",
        "Data": "$util.base64Encode($input.json('$'))",
        "PartitionKey": "$context.requestId"
      }
    VTL
  }
}

resource "aws_api_gateway_method_response" "created" {
  rest_api_id = aws_api_gateway_rest_api.events.id
  resource_id = aws_api_gateway_resource.events.id
  http_method = aws_api_gateway_method.post.http_method
  status_code = "201"
}

resource "aws_api_gateway_integration_response" "created" {
  rest_api_id = aws_api_gateway_rest_api.events.id
  resource_id = aws_api_gateway_resource.events.id
  http_method = aws_api_gateway_method.post.http_method
  status_code = aws_api_gateway_method_response.created.status_code
  depends_on  = [aws_api_gateway_integration.kinesis]
}

resource "aws_api_gateway_deployment" "events" {
  rest_api_id = aws_api_gateway_rest_api.events.id
  triggers    = { integration = sha1(jsonencode(aws_api_gateway_integration.kinesis)) }
  depends_on  = [aws_api_gateway_integration_response.created]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.events.id
  deployment_id = aws_api_gateway_deployment.events.id
  stage_name    = "v1"
}

resource "aws_iam_role" "gateway" {
  name               = "events-gateway"
  assume_role_policy = data.aws_iam_policy_document.assume["apigateway"].json
}

resource "aws_iam_role_policy" "gateway" {
  role = aws_iam_role.gateway.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "kinesis:PutRecord", Resource = aws_kinesis_stream.events.arn }]
  })
}

# --- Streams ---------------------------------------------------------------------------------

resource "aws_kinesis_stream" "events" {
  name             = "web-events"
  shard_count      = var.shards
  retention_period = 24
  encryption_type  = "KMS"
  kms_key_id       = "alias/aws/kinesis"
}

resource "aws_kinesis_stream" "notifications" {
  name             = "notifications"
  shard_count      = 4
  retention_period = 24
}

# --- The function: validate, count, ship -----------------------------------------------------

data "archive_file" "ship" {
  type        = "zip"
  source_dir  = "${path.module}/ship"
  output_path = "${path.module}/.build/ship.zip"
}

resource "aws_lambda_function" "ship" {
  function_name    = "ship-events"
  role             = aws_iam_role.ship.arn
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  handler          = "index.handler"
  filename         = data.archive_file.ship.output_path
  source_code_hash = data.archive_file.ship.output_base64sha256
  memory_size      = 512
  timeout          = 60

  environment {
    variables = {
      NOTIFICATIONS = aws_kinesis_stream.notifications.name
      SEARCH        = "https://${aws_opensearch_domain.logs.endpoint}"
    }
  }
}

resource "aws_lambda_event_source_mapping" "events" {
  event_source_arn                   = aws_kinesis_stream.events.arn
  function_name                      = aws_lambda_function.ship.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 2000
  maximum_batching_window_in_seconds = 1
}

resource "aws_iam_role" "ship" {
  name               = "ship-events"
  assume_role_policy = data.aws_iam_policy_document.assume["lambda"].json
}

resource "aws_iam_role_policy_attachment" "ship" {
  role       = aws_iam_role.ship.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole"
}

resource "aws_iam_role_policy" "ship" {
  role = aws_iam_role.ship.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "kinesis:PutRecords", Resource = aws_kinesis_stream.notifications.arn },
      { Effect = "Allow", Action = ["es:ESHttpPost", "es:ESHttpPut"], Resource = "${aws_opensearch_domain.logs.arn}/*" },
    ]
  })
}

# --- Replicas in S3, for posterity and compliance --------------------------------------------

resource "aws_s3_bucket" "archive" {
  bucket              = "events-archive-${data.aws_caller_identity.current.account_id}"
  object_lock_enabled = true
}

resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    id     = "keep-a-year"
    status = "Enabled"
    filter {}
    expiration {
      days = 365
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_kinesis_firehose_delivery_stream" "archive" {
  name        = "events-archive"
  destination = "extended_s3"

  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.events.arn
    role_arn           = aws_iam_role.archive.arn
  }

  extended_s3_configuration {
    bucket_arn          = aws_s3_bucket.archive.arn
    role_arn            = aws_iam_role.archive.arn
    prefix              = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    error_output_prefix = "errors/!{firehose:error-output-type}/"
    compression_format  = "GZIP"
    buffering_size      = 64
    buffering_interval  = 300
  }
}

resource "aws_iam_role" "archive" {
  name               = "events-archive"
  assume_role_policy = data.aws_iam_policy_document.assume["firehose"].json
}

resource "aws_iam_role_policy" "archive" {
  role = aws_iam_role.archive.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"]
        Resource = aws_kinesis_stream.events.arn
      },
      {
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = [aws_s3_bucket.archive.arn, "${aws_s3_bucket.archive.arn}/*"]
      },
    ]
  })
}

# --- Search ----------------------------------------------------------------------------------

resource "aws_opensearch_domain" "logs" {
  domain_name    = "events"
  engine_version = "OpenSearch_2.19"

  cluster_config {
    instance_type          = "r7g.xlarge.search"
    instance_count         = 6
    zone_awareness_enabled = true

    zone_awareness_config {
      availability_zone_count = 3
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = 500
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

# --- Notifications ---------------------------------------------------------------------------

resource "aws_sns_topic" "alerts" {
  name = "event-alerts"
}

data "aws_iam_policy_document" "assume" {
  for_each = toset(["apigateway", "lambda", "firehose"])

  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
  }
}

output "url" {
  value = "${aws_api_gateway_stage.live.invoke_url}/events"
}
