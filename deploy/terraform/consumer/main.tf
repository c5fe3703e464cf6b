# A consumer of the stream that Millrace writes: the original's function on its engine. Use it where
# the stream must stay between the collectors and what they feed (several teams read from it, say);
# else let the collectors feed the sinks themselves (../millrace).

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws     = { source = "hashicorp/aws", version = "~> 6.0" }
    archive = { source = "hashicorp/archive", version = "~> 2.4" }
  }
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "stream_arn" {
  description = "The stream to read, such as aws_kinesis_stream.events.arn."
  type        = string
}

variable "notifications_stream" {
  description = "Name of the second stream."
  type        = string
}

variable "search_url" {
  description = "URL of the OpenSearch domain."
  type        = string
}

variable "search_arn" {
  type = string
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}

# Before `terraform apply`: (cd function && npm install), so that the package is in it.
data "archive_file" "function" {
  type        = "zip"
  source_dir  = "${path.module}/function"
  output_path = "${path.module}/.build/function.zip"
}

resource "aws_lambda_function" "consumer" {
  function_name    = "millrace-consumer"
  role             = aws_iam_role.consumer.arn
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  handler          = "index.handler"
  filename         = data.archive_file.function.output_path
  source_code_hash = data.archive_file.function.output_base64sha256
  memory_size      = 512
  # Above deliverWithinMs and reserveMs of the handler.
  timeout = 60

  environment {
    variables = {
      NOTIFICATIONS = var.notifications_stream
      SEARCH_URL    = var.search_url
      DEAD_LETTERS  = aws_sqs_queue.dead_letters.url
    }
  }
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = var.stream_arn
  function_name                      = aws_lambda_function.consumer.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 10000
  maximum_batching_window_in_seconds = 1

  # Without it the answer is ignored, and every batch with a failure in it is repeated whole.
  function_response_types = ["ReportBatchItemFailures"]

  # Failures are a sink's, and pass: records must not be given up for them. What can never be delivered
  # is a dead letter, and does not come back. So: no maximum of attempts or age.
  maximum_retry_attempts        = -1
  maximum_record_age_in_seconds = -1
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "millrace-consumer-dead-letters"
  message_retention_seconds = 1209600
}

# A sink that is down shows here: the age of the record the function is at.
resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "millrace-consumer-behind"
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = aws_lambda_function.consumer.function_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 60000
}

resource "aws_iam_role" "consumer" {
  name = "millrace-consumer"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "consumer" {
  role       = aws_iam_role.consumer.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole"
}

resource "aws_iam_role_policy" "consumer" {
  role = aws_iam_role.consumer.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kinesis:PutRecords", "kinesis:DescribeStreamSummary"]
        Resource = "arn:aws:kinesis:${var.region}:${data.aws_caller_identity.current.account_id}:stream/${var.notifications_stream}"
      },
      { Effect = "Allow", Action = ["es:ESHttpPost", "es:ESHttpGet"], Resource = "${var.search_arn}/*" },
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead_letters.arn },
    ]
  })
}
